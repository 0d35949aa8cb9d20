//! How often errors stay within deviations.

use diph_core::{ParameterMaps, Result};
use diph_datasets::QuantitativeMaps;
use ndarray::{ArrayD, ArrayViewD};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::Deviations;

/// How often the errors of a map stay within its deviations: 68.3 and 95.4 % where the deviations are those of normal errors.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Number of voxels.
    pub voxels: usize,
    /// Percent of the voxels whose error is at most one deviation.
    pub within_1_percent: f64,
    /// At most two deviations.
    pub within_2_percent: f64,
    /// Mean of z, the error in deviations: away from 0 where the map is biased.
    pub z_mean: f64,
    /// Root of the mean of z squared: 1 where the deviations are right, more where they are too small. Ruled by the largest errors.
    pub z_rms: f64,
}

impl Coverage {
    /// Of pairs (deviation, error) with positive deviations; `None` of none.
    pub fn of(pairs: &[[f32; 2]]) -> Option<Self> {
        let voxels = pairs.len();
        let z =
            || pairs.iter().map(|[deviation, error]| f64::from(*error) / f64::from(deviation.max(f32::MIN_POSITIVE)));
        let percent = |bound: f64| 100.0 * z().filter(|z| z.abs() <= bound).count() as f64 / voxels as f64;
        (voxels > 0).then(|| Self {
            voxels,
            within_1_percent: percent(1.0),
            within_2_percent: percent(2.0),
            z_mean: z().sum::<f64>() / voxels as f64,
            z_rms: (z().map(|z| z * z).sum::<f64>() / voxels as f64).sqrt(),
        })
    }

    /// Mean over slices, each with equal weight; `None` of none.
    pub fn mean(of_slices: impl IntoIterator<Item = Option<Self>>) -> Option<Self> {
        let found: Vec<Self> = of_slices.into_iter().flatten().collect();
        let over = |value: fn(&Self) -> f64| found.iter().map(value).sum::<f64>() / found.len() as f64;
        (!found.is_empty()).then(|| Self {
            voxels: found.iter().map(|coverage| coverage.voxels).sum(),
            within_1_percent: over(|coverage| coverage.within_1_percent),
            within_2_percent: over(|coverage| coverage.within_2_percent),
            z_mean: over(|coverage| coverage.z_mean),
            z_rms: over(|coverage| coverage.z_rms),
        })
    }
}

/// [`Coverage`] of each map in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MapCoverage {
    /// Of T1, in logarithms.
    pub t1: Option<Coverage>,
    /// Of T2, in logarithms.
    pub t2: Option<Coverage>,
    /// Of |PD| after the best factor, in logarithms.
    pub pd: Option<Coverage>,
}

impl MapCoverage {
    /// Errors of `maps` beside their deviations in a region (\[z,\] y, x).
    ///
    /// # Errors
    /// When the maps hold no T1 or T2.
    pub fn of(
        maps: &ParameterMaps,
        deviations: &Deviations,
        truth: &QuantitativeMaps,
        region: ArrayViewD<'_, bool>,
    ) -> Result<Self> {
        let [t1, t2, pd] = pairs(maps, deviations, truth, region)?.map(|pairs| Coverage::of(&pairs));
        Ok(Self { t1, t2, pd })
    }

    /// Mean over slices, each with equal weight.
    pub fn mean(of_slices: &[Self]) -> Self {
        let over = |map: fn(&Self) -> Option<Coverage>| Coverage::mean(of_slices.iter().map(map));
        Self { t1: over(|maps| maps.t1), t2: over(|maps| maps.t2), pd: over(|maps| maps.pd) }
    }
}

/// Pairs (deviation, error) of ln T1, ln T2 and ln |PD| in the voxels of a region in which both maps have a value. |PD| is first
/// brought to the reference by the best factor, for it is known up to one only.
pub(super) fn pairs(
    maps: &ParameterMaps,
    deviations: &Deviations,
    truth: &QuantitativeMaps,
    region: ArrayViewD<'_, bool>,
) -> Result<[Vec<[f32; 2]>; 3]> {
    let inside = |map: &ArrayD<Complex32>| -> Vec<Complex32> {
        map.iter().zip(&region).filter(|(_, inside)| **inside).map(|(value, _)| *value).collect()
    };
    let (pd, reference_pd) = (inside(&maps.amplitude), inside(&truth.pd));
    let energy = diph_core::vector::norm_sqr(&pd);
    let factor = match energy > 0.0 {
        true => (diph_core::vector::dot(&pd, &reference_pd).norm() / energy) as f32,
        false => 1.0,
    };
    let (t1, t2) = (maps.parameter("T1")?.to_owned(), maps.parameter("T2")?.to_owned());
    let magnitude = maps.amplitude.mapv(|pd| factor * pd.norm());
    let reference = truth.pd.mapv(Complex32::norm);
    let of = |values: &ArrayD<f32>, reference: &ArrayD<f32>, deviations: &ArrayD<f32>| -> Vec<[f32; 2]> {
        let voxels = values.iter().zip(reference).zip(deviations).zip(&region);
        voxels
            .filter(|(((value, reference), deviation), inside)| {
                **inside && **value > 0.0 && **reference > 0.0 && !deviation.is_nan()
            })
            .map(|(((value, reference), deviation), _)| [*deviation, (value / reference).ln()])
            .collect()
    };
    Ok([
        of(&t1, &truth.t1, &deviations.t1),
        of(&t2, &truth.t2, &deviations.t2),
        of(&magnitude, &reference, &deviations.pd),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter_maps;

    #[test]
    fn coverage_by_hand() {
        let coverage = Coverage::of(&[[1.0, 0.5], [1.0, -1.5], [2.0, 6.0], [0.5, 0.5]]).unwrap();
        assert_eq!((coverage.voxels, coverage.within_1_percent, coverage.within_2_percent), (4, 50.0, 75.0));
        assert!((coverage.z_mean - 0.75).abs() < 1e-9 && (coverage.z_rms - (12.5f64 / 4.0).sqrt()).abs() < 1e-9);
        assert_eq!(Coverage::of(&[]), None);
        assert_eq!(Coverage::mean([None, Some(coverage), Some(coverage)]).unwrap().voxels, 8);
        assert_eq!(Coverage::mean([None]), None);
    }

    #[test]
    fn proton_density_counts_up_to_a_factor() {
        let map = |value: f32| ArrayD::from_elem(vec![2, 2], value);
        let pd = |factor: Complex32| ArrayD::from_elem(vec![2, 2], factor);
        let truth = QuantitativeMaps::new(map(1.0), map(0.1), pd(Complex32::new(1.0, 0.0))).unwrap();
        let found = QuantitativeMaps::new(map(1.1), map(0.0), pd(Complex32::new(0.0, 7.0))).unwrap();
        let deviations = Deviations { t1: map(0.1), t2: map(0.1), pd: map(0.1) };
        let region = ArrayD::from_elem(vec![2, 2], true);
        let coverage = MapCoverage::of(&parameter_maps(&found), &deviations, &truth, region.view()).unwrap();
        assert_eq!(coverage.t1.unwrap().within_1_percent, 100.0);
        assert_eq!(coverage.t2, None, "no T2 was found");
        assert!(coverage.pd.unwrap().z_rms < 1e-3);
    }
}
