//! Where a map is worth looking at.

use ndarray::{Array2, ArrayView2, s};
use num_complex::Complex32;

/// Share of the brightest proton density below which T1 and T2 are noise.
const FAINT: f32 = 0.15;

/// Voxels on either side of a voxel that its brightness is averaged over.
const REACH: usize = 2;

/// Voxels around which the mean of |PD| (5 x 5 voxels) is above 15 % of the 99.5th percentile of |PD|; (y, x). The mean
/// keeps dark spots inside of the head and leaves out bright specks of noise around it.
pub fn visible_voxels(pd: ArrayView2<'_, Complex32>) -> Array2<bool> {
    let magnitude = pd.mapv(Complex32::norm);
    let threshold = FAINT * percentile(magnitude.iter().copied(), 99.5);
    let (height, width) = magnitude.dim();
    Array2::from_shape_fn((height, width), |(y, x)| {
        let rows = y.saturating_sub(REACH)..(y + REACH + 1).min(height);
        let columns = x.saturating_sub(REACH)..(x + REACH + 1).min(width);
        magnitude.slice(s![rows, columns]).mean().is_some_and(|mean| mean > threshold)
    })
}

/// A percentile of the finite numbers; 0 of nothing.
pub(super) fn percentile(values: impl Iterator<Item = f32>, percent: f64) -> f32 {
    let mut values: Vec<f32> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f32::total_cmp);
    let rank = (percent / 100.0 * values.len().saturating_sub(1) as f64).round() as usize;
    values.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bright_disc_without_the_specks_around_it() {
        let disc = |y: usize, x: usize| (y.abs_diff(20)).pow(2) + (x.abs_diff(20)).pow(2) < 100;
        let pd = Array2::from_shape_fn((40, 40), |(y, x)| match (y, x) {
            (20, 20) => Complex32::ZERO,
            (2, 2) => Complex32::new(2.0, 0.0),
            _ if disc(y, x) => Complex32::new(0.0, 1.0),
            _ => Complex32::new(0.01, 0.0),
        });
        let visible = visible_voxels(pd.view());
        assert!(visible[[20, 20]] && visible[[12, 20]]);
        assert!(!visible[[2, 2]] && !visible[[38, 38]]);
        assert!(!visible_voxels(Array2::zeros((3, 3)).view()).iter().any(|&visible| visible));
        assert_eq!(visible_voxels(Array2::zeros((0, 3)).view()).len(), 0);
    }

    #[test]
    fn percentiles() {
        assert_eq!(percentile((0..=1000).map(|i| i as f32), 99.5), 995.0);
        assert_eq!(percentile([f32::NAN, 3.0].into_iter(), 50.0), 3.0);
        assert_eq!(percentile([].into_iter(), 50.0), 0.0);
    }
}
