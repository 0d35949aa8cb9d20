//! The whole head, found from the reference proton density.

use std::collections::VecDeque;

use ndarray::{ArrayD, ArrayViewD, ArrayViewMut2, ArrayViewMutD, Axis, Ix2};
use num_complex::Complex32;

/// Share of the 90th percentile of |PD| above which a voxel belongs to the head.
const SHARE: f32 = 0.25;

/// Voxels of the whole head: |PD| above a quarter of its 90th percentile over the image (the nearest rank), and the holes in
/// between filled plane by plane, which takes in ventricles and bone that give little signal. `pd` and the result are
/// ([z,] y, x).
///
/// The mask of a data folder is a fixed threshold on |PD| and leaves out much of the inner brain; this region does not depend
/// on the scale of PD.
pub fn whole_head(pd: ArrayViewD<'_, Complex32>) -> ArrayD<bool> {
    let mut magnitudes: Vec<f32> = pd.iter().map(|value| value.norm()).collect();
    magnitudes.sort_by(f32::total_cmp);
    let rank = (0.9 * magnitudes.len().saturating_sub(1) as f64).round() as usize;
    let threshold = SHARE * magnitudes.get(rank).copied().unwrap_or_default();
    let mut head = pd.mapv(|value| value.norm() > threshold);
    fill_planes(head.view_mut());
    head
}

fn fill_planes(mut region: ArrayViewMutD<'_, bool>) {
    if region.ndim() > 2 {
        region.axis_iter_mut(Axis(0)).for_each(fill_planes);
    } else if let Ok(plane) = region.into_dimensionality::<Ix2>() {
        fill_holes(plane);
    }
}

/// Everything that no path of neighbours (left, right, up, down) outside of the region connects to the border is inside.
fn fill_holes(mut region: ArrayViewMut2<'_, bool>) {
    let (height, width) = region.dim();
    let mut reached = ndarray::Array2::from_elem((height, width), false);
    let on_border = |y: usize, x: usize| y == 0 || x == 0 || y + 1 == height || x + 1 == width;
    let mut queue: VecDeque<(usize, usize)> =
        region.indexed_iter().filter(|((y, x), inside)| !**inside && on_border(*y, *x)).map(|(at, _)| at).collect();
    queue.iter().for_each(|at| reached[*at] = true);
    while let Some((y, x)) = queue.pop_front() {
        let neighbours = [(y.wrapping_sub(1), x), (y + 1, x), (y, x.wrapping_sub(1)), (y, x + 1)];
        for at in neighbours.into_iter().filter(|(y, x)| *y < height && *x < width) {
            if !region[at] && !reached[at] {
                reached[at] = true;
                queue.push_back(at);
            }
        }
    }
    region.zip_mut_with(&reached, |inside, reached| *inside = !reached);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_filled_and_a_bay_is_not() {
        let inside = |y: usize, x: usize| match (y, x) {
            (2..=6, 2) | (2..=6, 6) | (2 | 6, 2..=6) => true,
            // Three sides of a square: open to the border.
            (2..=4, 9) | (4, 9..=11) | (2..=4, 11) => true,
            _ => false,
        };
        let pd = ArrayD::from_shape_fn(vec![2, 9, 12], |at| {
            let bright = at[0] == 0 && inside(at[1], at[2]);
            Complex32::new(0.0, if bright { 3.0 } else { 0.1 })
        });
        let head = whole_head(pd.view());
        assert!(head[[0, 4, 4]] && head[[0, 2, 2]], "the hole of the ring is part of it");
        assert!(!head[[0, 2, 10]] && !head[[0, 0, 0]]);
        assert_eq!(head.index_axis(Axis(0), 0).iter().filter(|inside| **inside).count(), 25 + 7);
    }

    #[test]
    fn the_scale_does_not_matter_and_no_signal_is_no_head() {
        let pd = ArrayD::from_shape_fn(vec![20, 20], |at| Complex32::from((at[0] * at[1]) as f32));
        assert_eq!(whole_head(pd.view()), whole_head(pd.mapv(|value| value * 1e-4).view()));
        let none = whole_head(ArrayD::zeros(vec![5, 4]).view());
        assert!(none.iter().all(|inside| !inside));
    }
}
