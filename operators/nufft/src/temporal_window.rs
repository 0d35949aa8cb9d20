//! The window's weights, laid out for several coefficient images at once.

use ndarray::ArrayView2;

use crate::grid_plan::GridPlan;
use crate::kaiser_bessel::KaiserBessel;
use crate::lanes::{LANES, Lanes};

/// Most vectors of lanes that the loops over samples are compiled for.
pub(crate) const MAX_VECTORS: usize = 8;

/// Everything that the loops over samples need for a group of coefficient images whose grid cells are interleaved.
///
/// One row of a sample's window covers W cells of C complex numbers each: `2 C W` successive floats. Lane j of that
/// run belongs to cell `j / 2C` and to coefficient `(j / 2) mod C`, so window weights and temporal basis are stored
/// per lane and meet without any shuffling.
pub(crate) struct TemporalWindow {
    /// First coefficient of the group.
    pub first: usize,
    /// Coefficients in the group (C).
    pub planes: usize,
    /// Cells of the window along each axis (W).
    pub width: usize,
    /// Vectors of lanes that cover one row of the window.
    pub vectors: usize,
    /// Polynomials along a grid row, highest power first: `vectors` entries per power.
    pub along: Vec<Lanes>,
    /// Polynomials across grid rows, highest power first: one entry per power, lane i for row i.
    pub across: Vec<Lanes>,
    /// Basis of every frame: `vectors` entries per frame.
    pub basis: Vec<Lanes>,
}

/// Most coefficients of a group.
pub(crate) fn most_planes(plan: &GridPlan) -> usize {
    (MAX_VECTORS * LANES / (2 * plan.width)).clamp(1, 6)
}

impl TemporalWindow {
    /// Windows for all coefficients of `basis` (frame, coefficient), in groups as large as the loops allow.
    pub fn groups(plan: &GridPlan, windows: &[KaiserBessel; 2], basis: ArrayView2<'_, f32>) -> Vec<Self> {
        let total = basis.ncols();
        let count = total.div_ceil(most_planes(plan));
        (0..count)
            .map(|group| (group * total / count, (group + 1) * total / count))
            .map(|(first, end)| Self::new(plan, windows, basis, first, end - first))
            .collect()
    }

    fn new(
        plan: &GridPlan,
        windows: &[KaiserBessel; 2],
        basis: ArrayView2<'_, f32>,
        first: usize,
        planes: usize,
    ) -> Self {
        let (width, degree) = (plan.width, plan.degree());
        let used = 2 * planes * width;
        let vectors = used.div_ceil(LANES);
        let (along, across) = (windows[0].polynomials(degree), windows[1].polynomials(degree));
        let powers = (0..=degree).rev();
        let lane_weights = powers.clone().flat_map(|power| {
            let along = &along;
            (0..vectors * LANES).map(move |j| if j < used { along[j / (2 * planes)][power] as f32 } else { 0.0 })
        });
        let row_weights = powers
            .flat_map(|power| (0..LANES).map(|i| across.get(i).map_or(0.0, |c| c[power] as f32)).collect::<Vec<_>>());
        let lane_basis = basis.outer_iter().flat_map(|row| {
            (0..vectors * LANES).map(|j| if j < used { row[first + j / 2 % planes] } else { 0.0 }).collect::<Vec<_>>()
        });
        Self {
            first,
            planes,
            width,
            vectors,
            along: to_lanes(lane_weights),
            across: to_lanes(row_weights),
            basis: to_lanes(lane_basis),
        }
    }
}

fn to_lanes(values: impl Iterator<Item = f32>) -> Vec<Lanes> {
    let values: Vec<f32> = values.collect();
    values.as_chunks().0.iter().map(|chunk| Lanes(*chunk)).collect()
}
