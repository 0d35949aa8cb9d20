//! Which voxels have a fit that is not to be trusted.

use diph_core::{ParameterMaps, Result};
use ndarray::{ArrayD, ArrayViewD, Axis, Zip};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::Deviations;

/// Percentile of |PD| that the signal is measured by.
const BRIGHT: f64 = 0.9;

/// Which voxels have a fit that is not to be trusted, from the data alone. A voxel is trusted where all of this holds:
///
/// 1. |PD| is at least `signal` times its 90th percentile over the image;
/// 2. the image is near to what the physics allows: the correlation `|<x, d>| / |x|` with the nearest atom d is at least `correlation`;
/// 3. T1 and T2 are inside of the dictionary's range and not at its ends, where the true value may lie anywhere beyond;
/// 4. where deviations are known, those of ln T1 and ln T2 are at most `t1_deviation` and `t2_deviation`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrustRule {
    /// Least |PD| as a share of its 90th percentile.
    pub signal: f32,
    /// Least correlation of the image with the nearest atom.
    pub correlation: f32,
    /// Largest deviation of ln T1: 0.2 is about 20 %.
    pub t1_deviation: f32,
    /// Largest deviation of ln T2.
    pub t2_deviation: f32,
}

impl Default for TrustRule {
    fn default() -> Self {
        Self { signal: 0.25, correlation: 0.95, t1_deviation: 0.25, t2_deviation: 0.5 }
    }
}

impl TrustRule {
    /// The voxels to trust (\[z,\] y, x). `image` and `projected` (coefficient, \[z,\] y, x) are the reconstructed image and its nearest
    /// physical signals; `ranges` the least and largest T1 and T2 that the dictionary has, where it is known.
    ///
    /// # Errors
    /// When the maps hold no T1 or T2.
    pub fn trusted(
        &self,
        maps: &ParameterMaps,
        (image, projected): (&ArrayD<Complex32>, &ArrayD<Complex32>),
        ranges: Option<[[f32; 2]; 2]>,
        deviations: Option<&Deviations>,
    ) -> Result<ArrayD<bool>> {
        let magnitude = maps.amplitude.mapv(Complex32::norm);
        let least = self.signal * bright(&magnitude);
        let mut trusted = magnitude.mapv(|pd| pd > 0.0 && pd >= least);
        let (all, explained) = (energy(image), energy(projected));
        let bound = self.correlation * self.correlation;
        Zip::from(&mut trusted)
            .and(&all)
            .and(&explained)
            .for_each(|ok, all, explained| *ok &= *explained >= bound * all);
        for (index, name) in ["T1", "T2"].into_iter().enumerate() {
            let Some([low, high]) = ranges.map(|ranges| ranges[index]) else { continue };
            let inside = |time: f32| time > low && time < high;
            Zip::from(&mut trusted).and(&maps.parameter(name)?).for_each(|ok, time| *ok &= inside(*time));
        }
        if let Some(deviations) = deviations {
            let mut restrict = |deviations: ArrayViewD<'_, f32>, most: f32| {
                Zip::from(&mut trusted).and(&deviations).for_each(|ok, deviation| *ok &= *deviation <= most);
            };
            restrict(deviations.t1.view(), self.t1_deviation);
            restrict(deviations.t2.view(), self.t2_deviation);
        }
        Ok(trusted)
    }
}

/// Energy of every voxel over the coefficients.
fn energy(image: &ArrayD<Complex32>) -> ArrayD<f32> {
    image.map_axis(Axis(0), |voxel| voxel.iter().map(|value| value.norm_sqr()).sum())
}

/// The 90th percentile, by the nearest rank; 0 of an empty map.
fn bright(magnitude: &ArrayD<f32>) -> f32 {
    let mut values: Vec<f32> = magnitude.iter().copied().collect();
    let index = (BRIGHT * values.len().saturating_sub(1) as f64).round() as usize;
    match values.is_empty() {
        true => 0.0,
        false => *values.select_nth_unstable_by(index, f32::total_cmp).1,
    }
}

#[cfg(test)]
mod tests {
    use diph_core::{ImageShape, Parameter};

    use super::*;

    /// Six voxels: a sound one, and one for every reason not to be trusted.
    #[test]
    fn every_reason_counts() {
        let parameter = |name: &str| Parameter { name: name.into(), unit: "s".into() };
        let mut maps = ParameterMaps::zeros(vec![parameter("T1"), parameter("T2")], &ImageShape::plane(1, 6));
        maps.values.index_axis_mut(Axis(0), 0).fill(1.0);
        maps.values.index_axis_mut(Axis(0), 1).fill(0.1);
        maps.amplitude.fill(Complex32::new(0.0, 1.0));
        maps.amplitude[[0, 1]] = Complex32::new(0.1, 0.0);
        maps.values[[0, 0, 2]] = 5.0;
        maps.values[[1, 0, 3]] = 0.01;
        let image = ArrayD::from_elem(vec![2, 1, 6], Complex32::ONE);
        let mut projected = image.clone();
        projected[[0, 0, 4]] = Complex32::ZERO;
        let mut deviations =
            Deviations { t1: ArrayD::zeros(vec![1, 6]), t2: ArrayD::zeros(vec![1, 6]), pd: ArrayD::zeros(vec![1, 6]) };
        deviations.t2[[0, 5]] = f32::INFINITY;
        let trusted = |ranges, deviations| {
            let rule = TrustRule::default();
            rule.trusted(&maps, (&image, &projected), ranges, deviations).unwrap().into_raw_vec_and_offset().0
        };
        let ranges = Some([[0.02, 5.0], [0.01, 4.0]]);
        assert_eq!(trusted(ranges, Some(&deviations)), [true, false, false, false, false, false]);
        assert_eq!(trusted(None, None), [true, false, true, true, false, true]);
    }

    #[test]
    fn nothing_is_trusted_where_nothing_is() {
        let maps = ParameterMaps::zeros(
            ["T1", "T2"].map(|name| Parameter { name: name.into(), unit: "s".into() }).into(),
            &ImageShape::plane(2, 2),
        );
        let image = ArrayD::zeros(vec![3, 2, 2]);
        let trusted = TrustRule::default().trusted(&maps, (&image, &image), None, None).unwrap();
        assert!(!trusted.iter().any(|trusted| *trusted));
    }
}
