//! Deviations beside errors over many slices.

use diph_core::{ParameterMaps, Result};
use diph_datasets::QuantitativeMaps;
use ndarray::ArrayViewD;
use serde::{Deserialize, Serialize};

use super::coverage::pairs;
use super::recalibration::{observed, quantile};
use super::{Coverage, Deviations, Recalibration};

/// Ranges of deviation that a report has, equally many voxels in each.
const RANGES: usize = 10;

/// Deviations of samples beside the errors of maps, voxel by voxel over many slices of known truth.
#[derive(Clone, Debug, Default)]
pub struct ErrorPairs {
    /// T1, T2 and |PD|: (deviation, error) of the logarithms.
    maps: [Vec<[f32; 2]>; 3],
}

impl ErrorPairs {
    /// Takes in the voxels of a region (\[z,\] y, x) of a slice.
    ///
    /// # Errors
    /// When the maps hold no T1 or T2.
    pub fn push(
        &mut self,
        maps: &ParameterMaps,
        deviations: &Deviations,
        truth: &QuantitativeMaps,
        region: ArrayViewD<'_, bool>,
    ) -> Result<()> {
        let found = pairs(maps, deviations, truth, region)?;
        self.maps.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
        Ok(())
    }

    /// Voxels so far.
    pub fn voxels(&self) -> usize {
        self.maps[0].len()
    }

    /// The maps from deviations of samples to those of errors of T1, T2 and |PD|; `None` of too few voxels.
    pub fn fit(&self) -> Option<[Recalibration; 3]> {
        let [t1, t2, pd] = self.maps.each_ref().map(|pairs| Recalibration::fit(pairs));
        Some([t1?, t2?, pd?])
    }

    /// How deviations fit errors before and after a recalibration, for T1, T2 and |PD|.
    pub fn reliability(&self, recalibrations: &[Recalibration; 3]) -> [Reliability; 3] {
        std::array::from_fn(|map| Reliability::of(["T1", "T2", "PD"][map], &self.maps[map], &recalibrations[map]))
    }
}

/// How the deviations of a map fit its errors, as samples have them and after a recalibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// `T1`, `T2` or `PD`.
    pub map: String,
    /// With the deviations of the samples.
    pub samples: Option<Coverage>,
    /// With those after recalibration.
    pub calibrated: Option<Coverage>,
    /// The same by ranges of the samples' deviation, lowest first.
    pub ranges: Vec<RangeReliability>,
}

/// The voxels whose deviation is in a range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangeReliability {
    /// Least and largest deviation of the samples.
    pub range: [f32; 2],
    /// Its median.
    pub spread: f32,
    /// The median after recalibration.
    pub deviation: f32,
    /// The deviation of a normal distribution that has as many errors within one and two of it.
    pub observed: f64,
    /// With the deviations of the samples.
    pub samples: Coverage,
    /// With those after recalibration.
    pub calibrated: Coverage,
}

impl Reliability {
    fn of(map: &str, pairs: &[[f32; 2]], recalibration: &Recalibration) -> Self {
        let mut sorted = pairs.to_vec();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let count = RANGES.min(sorted.len());
        let range = |index: usize| &sorted[index * sorted.len() / count..(index + 1) * sorted.len() / count];
        Self {
            map: map.into(),
            samples: Coverage::of(pairs),
            calibrated: Coverage::of(&recalibrated(pairs, recalibration)),
            ranges: (0..count).filter_map(|index| RangeReliability::of(range(index), recalibration)).collect(),
        }
    }
}

impl RangeReliability {
    /// Of pairs in the order of their deviation; `None` of none.
    fn of(pairs: &[[f32; 2]], recalibration: &Recalibration) -> Option<Self> {
        let (first, last) = (pairs.first()?, pairs.last()?);
        let mut spreads: Vec<f32> = pairs.iter().map(|pair| pair[0]).collect();
        let spread = quantile(&mut spreads, 0.5);
        Some(Self {
            range: [first[0], last[0]],
            spread,
            deviation: recalibration.apply(spread),
            observed: observed(pairs),
            samples: Coverage::of(pairs)?,
            calibrated: Coverage::of(&recalibrated(pairs, recalibration))?,
        })
    }
}

fn recalibrated(pairs: &[[f32; 2]], recalibration: &Recalibration) -> Vec<[f32; 2]> {
    pairs.iter().map(|[spread, error]| [recalibration.apply(*spread), *error]).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;
    use crate::parameter_maps;

    /// Maps that are off by alternating signs of `exp(0.2)` where samples claim 0.1 and of `exp(0.02)` where they claim 0.01.
    #[test]
    fn ranges_tell_where_samples_are_too_sure() {
        let shape = vec![40, 40];
        let sure = |at: &ndarray::IxDyn| at[0] < 20;
        let error = |at: &ndarray::IxDyn| {
            let size = if sure(at) { 0.02f32 } else { 0.2 };
            if at[1].is_multiple_of(2) { size } else { -size }
        };
        let deviation = ArrayD::from_shape_fn(shape.clone(), |at| if sure(&at) { 0.01f32 } else { 0.1 });
        let constant = |value: f32| ArrayD::from_elem(shape.clone(), value);
        let pd = constant(1.0).mapv(num_complex::Complex32::from);
        let truth = QuantitativeMaps::new(constant(1.0), constant(0.1), pd.clone()).unwrap();
        let off = |value: f32| ArrayD::from_shape_fn(shape.clone(), |at| value * error(&at).exp());
        let maps = parameter_maps(&QuantitativeMaps::new(off(1.0), off(0.1), pd).unwrap());
        let deviations = Deviations { t1: deviation.clone(), t2: deviation.clone(), pd: deviation };
        let mut pairs = ErrorPairs::default();
        assert!(pairs.fit().is_none());
        let region = ArrayD::from_elem(shape, true);
        pairs.push(&maps, &deviations, &truth, region.view()).unwrap();
        assert_eq!(pairs.voxels(), 1600);
        let recalibrations = pairs.fit().unwrap();
        let [t1, _, pd] = pairs.reliability(&recalibrations);
        assert_eq!((t1.map.as_str(), t1.ranges.len()), ("T1", 10));
        assert_eq!(t1.samples.unwrap().within_1_percent, 0.0);
        assert_eq!(t1.calibrated.unwrap().within_2_percent, 100.0);
        assert!(t1.ranges[0].spread == 0.01 && (t1.ranges[0].observed - 0.015).abs() < 1e-4);
        assert_eq!(pd.samples.unwrap().within_1_percent, 100.0);
    }
}
