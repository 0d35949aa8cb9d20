//! Mean and spread of maps over samples of a posterior.

use diph_core::{Error, ParameterMaps, Result};
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, Axis, Ix2, Zip, s};
use num_complex::Complex32;

use super::Deviations;
use crate::stacked_maps;

/// Voxels to every side over which variances are averaged. A handful of samples knows a variance badly: with eight of them, the mean
/// over 3 x 3 voxels goes better together with errors than the voxel's own or that over 5 x 5.
const REACH: usize = 1;

/// Mean and spread of T1, T2 and PD over samples that come one at a time and are not kept (Welford 1962).
#[derive(Clone, Debug, Default)]
pub struct MapStatistics {
    maps: Moments,
    t1: Moments,
    t2: Moments,
    pd: Moments,
}

impl MapStatistics {
    /// Takes in the maps of a sample.
    ///
    /// # Errors
    /// When they hold no T1 or T2 in seconds, or are of another shape than those before.
    pub fn push(&mut self, maps: &ParameterMaps) -> Result<()> {
        let stack = stacked_maps(maps)?;
        let logarithm = |values: ArrayD<f32>| values.mapv_into(|value| value.max(f32::MIN_POSITIVE).ln());
        let map = |index| stack.index_axis(Axis(0), index).to_owned();
        self.maps.push(&stack)?;
        self.t1.push(&logarithm(map(0)))?;
        self.t2.push(&logarithm(map(1)))?;
        self.pd.push(&logarithm(maps.amplitude.mapv(Complex32::norm)))
    }

    /// Samples so far.
    pub fn count(&self) -> usize {
        self.maps.count
    }

    /// (4, \[z,\] y, x): mean of T1 (s), T2 (s), Re PD, Im PD.
    pub fn mean(&self) -> ArrayD<f32> {
        self.maps.mean.mapv(|value| value as f32)
    }

    /// (4, \[z,\] y, x): standard deviation of T1 (s), T2 (s), Re PD, Im PD, with n - 1 in the denominator; 0 of fewer than two.
    pub fn deviation(&self) -> ArrayD<f32> {
        self.maps.deviation()
    }

    /// Standard deviations of the logarithms, with n - 1 in the denominator; 0 of fewer than two samples. The variance of a voxel is the
    /// mean over its 3 x 3 neighbours in its plane.
    pub fn deviations(&self) -> Deviations {
        let [t1, t2, pd] = [&self.t1, &self.t2, &self.pd].map(Moments::deviation_around);
        Deviations { t1, t2, pd }
    }
}

/// Running mean and sum of squared differences from it, element by element in double precision.
#[derive(Clone, Debug, Default)]
struct Moments {
    count: usize,
    mean: ArrayD<f64>,
    squares: ArrayD<f64>,
}

impl Moments {
    fn push(&mut self, values: &ArrayD<f32>) -> Result<()> {
        if self.count == 0 {
            (self.mean, self.squares) = (ArrayD::zeros(values.raw_dim()), ArrayD::zeros(values.raw_dim()));
        }
        if self.mean.shape() != values.shape() {
            let (expected, got) = (self.mean.shape().to_vec(), values.shape().to_vec());
            return Err(Error::Shape { operation: "statistics of samples".into(), role: "maps".into(), expected, got });
        }
        self.count += 1;
        let count = self.count as f64;
        Zip::from(&mut self.mean).and(&mut self.squares).and(values).for_each(|mean, squares, value| {
            let before = f64::from(*value) - *mean;
            *mean += before / count;
            *squares += before * (f64::from(*value) - *mean);
        });
        Ok(())
    }

    fn deviation(&self) -> ArrayD<f32> {
        self.variance().mapv(|variance| variance.sqrt() as f32)
    }

    fn variance(&self) -> ArrayD<f64> {
        let free = self.count.saturating_sub(1).max(1) as f64;
        self.squares.mapv(|squares| squares / free)
    }

    /// The deviation with variances averaged over neighbours in the last two axes.
    fn deviation_around(&self) -> ArrayD<f32> {
        let variance = self.variance();
        let mut found = ArrayD::zeros(variance.raw_dim());
        let planes = variance.ndim().saturating_sub(2);
        if planes == 0 {
            average(variance.view(), found.view_mut());
        } else {
            found.outer_iter_mut().zip(variance.outer_iter()).for_each(|(found, plane)| average(plane, found));
        }
        found
    }
}

/// Root of the mean of a plane's values over the neighbours of every voxel. Maps have two or three axes; others stay zeros.
fn average(plane: ArrayViewD<'_, f64>, found: ArrayViewMutD<'_, f32>) {
    let planes = (plane.into_dimensionality::<Ix2>(), found.into_dimensionality::<Ix2>());
    let (Ok(plane), Ok(mut found)) = planes else { return };
    let (height, width) = plane.dim();
    for ((y, x), value) in found.indexed_iter_mut() {
        let rows = y.saturating_sub(REACH)..(y + REACH + 1).min(height);
        let columns = x.saturating_sub(REACH)..(x + REACH + 1).min(width);
        *value = plane.slice(s![rows, columns]).mean().unwrap_or(0.0).sqrt() as f32;
    }
}

#[cfg(test)]
mod tests {
    use diph_core::{ImageShape, Parameter};
    use proptest::prelude::*;

    use super::*;

    fn maps(value: f32, image: &ImageShape) -> ParameterMaps {
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        let mut maps = ParameterMaps::zeros(vec![parameter("T1"), parameter("T2")], image);
        maps.values.fill(value);
        maps.amplitude.fill(Complex32::new(0.0, value));
        maps
    }

    proptest! {
        #[test]
        fn as_of_all_samples_at_once(values in prop::collection::vec(1e-3f32..10.0, 2..20)) {
            let mut statistics = MapStatistics::default();
            values.iter().for_each(|value| statistics.push(&maps(*value, &ImageShape::plane(1, 2))).unwrap());
            let two_passes = |values: Vec<f64>| {
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
                (mean, (squares / (values.len() - 1) as f64).sqrt())
            };
            let (mean, deviation) = two_passes(values.iter().map(|value| f64::from(*value)).collect());
            let (_, of_logarithms) = two_passes(values.iter().map(|value| f64::from(value.ln())).collect());
            let near = |found: f32, expected: f64| (f64::from(found) - expected).abs() < 1e-5 * (1.0 + expected);
            prop_assert_eq!(statistics.count(), values.len());
            prop_assert!(near(statistics.mean()[[1, 0, 1]], mean) && near(statistics.mean()[[2, 0, 0]], 0.0));
            prop_assert!(near(statistics.deviation()[[3, 0, 1]], deviation));
            let found = statistics.deviations();
            for map in [found.t1, found.t2, found.pd] {
                prop_assert!(near(map[[0, 0]], of_logarithms), "{} {}", map[[0, 0]], of_logarithms);
            }
        }
    }

    #[test]
    fn variances_are_averaged_over_neighbours_in_a_plane() {
        let mut statistics = MapStatistics::default();
        for value in [1.0, 2.0f32.exp()] {
            let mut maps = maps(1.0, &ImageShape::volume(2, 4, 4));
            maps.values[[0, 0, 0, 0]] = value;
            statistics.push(&maps).unwrap();
        }
        // Variance 2 in one of four voxels at a corner, of six at an edge, of nine inside.
        let t1 = statistics.deviations().t1;
        for (at, expected) in
            [([0, 0, 0], 0.5f32), ([0, 0, 1], 2.0 / 6.0), ([0, 1, 1], 2.0 / 9.0), ([0, 2, 2], 0.0), ([1, 0, 0], 0.0)]
        {
            assert!((t1[at] - expected.sqrt()).abs() < 1e-6, "{at:?}");
        }
    }

    #[test]
    fn one_sample_has_no_spread_and_zeros_are_no_nan() {
        let mut statistics = MapStatistics::default();
        statistics.push(&maps(0.0, &ImageShape::plane(1, 2))).unwrap();
        assert_eq!(statistics.deviations().t1[[0, 0]], 0.0);
        statistics.push(&maps(1.0, &ImageShape::plane(1, 2))).unwrap();
        assert!(statistics.deviations().pd[[0, 1]] > 10.0, "found once and not found once: nobody knows");
        assert!(statistics.push(&maps(1.0, &ImageShape::plane(2, 2))).is_err());
    }
}
