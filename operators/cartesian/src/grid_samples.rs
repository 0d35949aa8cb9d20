//! Which samples lie on which point of the grid.

use std::f64::consts::TAU;

use diph_core::{Error, ImageShape, Result};
use ndarray::{ArrayView1, ArrayView3, Axis};
use num_complex::{Complex32, Complex64};

use crate::fourier::Fourier;

/// A position may be this far from the grid, in grid steps.
const GRID_TOLERANCE: f64 = 1e-6;

/// The samples of a trajectory, ordered by the point of the grid they lie on.
pub(crate) struct GridSamples {
    /// Every visited point once: its index in a spectrum.
    pub points: Vec<usize>,
    /// Phase of every visited point that moves the image's centre to N/2.
    pub phases: Vec<Complex32>,
    /// For every sample (frame, sample), its place in `points`.
    pub point_of_sample: Vec<usize>,
    /// Flat indices of all samples, point by point.
    samples: Vec<usize>,
    /// For every visited point, where its samples start; and their end.
    starts: Vec<usize>,
}

impl GridSamples {
    pub fn new(
        operation: &str,
        trajectory: ArrayView3<'_, f64>,
        image: &ImageShape,
        fourier: &Fourier,
    ) -> Result<Self> {
        let (frames, samples_per_frame, _) = trajectory.dim();
        let mut visits = Vec::with_capacity(frames * samples_per_frame);
        for (flat, position) in trajectory.lanes(Axis(2)).into_iter().enumerate() {
            let indices = position.iter().zip(image.lengths()).map(|(position, len)| grid_index(*position, *len));
            let Some(index) = indices.collect::<Option<Vec<usize>>>() else {
                let place = [flat / samples_per_frame, flat % samples_per_frame];
                return Err(off_grid(operation, place, position, image));
            };
            visits.push((fourier.index(&index), flat, centre_phase(&index, image)));
        }
        visits.sort_unstable_by_key(|(point, sample, _)| (*point, *sample));
        Ok(Self::from_sorted(&visits))
    }

    fn from_sorted(visits: &[(usize, usize, Complex32)]) -> Self {
        let mut ordered = Self {
            points: Vec::new(),
            phases: Vec::new(),
            point_of_sample: vec![0; visits.len()],
            samples: visits.iter().map(|(_, sample, _)| *sample).collect(),
            starts: Vec::new(),
        };
        for (start, (point, sample, phase)) in visits.iter().enumerate() {
            if ordered.points.last() != Some(point) {
                ordered.points.push(*point);
                ordered.phases.push(*phase);
                ordered.starts.push(start);
            }
            ordered.point_of_sample[*sample] = ordered.points.len() - 1;
        }
        ordered.starts.push(visits.len());
        ordered
    }

    /// Flat indices of the samples on the visited point with this place in `points`.
    pub fn samples_of(&self, place: usize) -> &[usize] {
        &self.samples[self.starts[place]..self.starts[place + 1]]
    }
}

/// Index in 0..len of a position in cycles per pixel; `None` when it is off the grid or beyond +-1/2.
fn grid_index(position: f64, len: usize) -> Option<usize> {
    let steps = position * len as f64;
    let index = steps.round();
    let on_grid = (steps - index).abs() <= GRID_TOLERANCE && steps.abs() <= 0.5 * len as f64 + GRID_TOLERANCE;
    on_grid.then(|| (index as i64).rem_euclid(len as i64) as usize)
}

/// `exp(2 pi i k.(N/2))`, which depends on the index modulo N only because N/2 is an integer.
fn centre_phase(index: &[usize], image: &ImageShape) -> Complex32 {
    let turns = |(index, len): (&usize, &usize)| (index * (len / 2) % len) as f64 / *len as f64;
    let phase = Complex64::from_polar(1.0, TAU * index.iter().zip(image.lengths()).map(turns).sum::<f64>());
    Complex32::new(phase.re as f32, phase.im as f32)
}

fn off_grid(operation: &str, [frame, sample]: [usize; 2], position: ArrayView1<'_, f64>, image: &ImageShape) -> Error {
    let listed = |items: Vec<String>| format!("({})", items.join(", "));
    let names = listed(image.names().iter().map(|name| format!("k{name}")).collect());
    let steps = listed(image.lengths().iter().map(|len| format!("1/{len}")).collect());
    Error::parameter(
        operation,
        format!("trajectory[frame {frame}, sample {sample}]"),
        format!(
            "{names} within [-1/2, 1/2], multiples of {steps} cycles per pixel; positions off the grid need a \
             non-uniform operator"
        ),
        listed(position.iter().map(f64::to_string).collect()),
    )
}
