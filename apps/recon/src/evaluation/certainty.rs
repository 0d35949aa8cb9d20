//! How deviations and trusted voxels go with errors.

use diph_core::{ParameterMaps, Result, metrics};
use ndarray::ArrayD;
use serde::{Deserialize, Serialize};

use super::whole_head;
use crate::slices::Truth;
use crate::uncertainty::{MapCoverage, Uncertainty};

/// How deviations and trusted voxels go with the errors in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionCertainty {
    /// How often errors stay within deviations; empty where no samples were drawn.
    #[serde(flatten)]
    pub coverage: MapCoverage,
    /// Percent of the region's voxels that are trusted.
    pub trusted_percent: f64,
    /// Mean absolute percentage error of T1 in the trusted voxels of the region.
    pub trusted_t1_mape_percent: Option<f64>,
    /// That of T2.
    pub trusted_t2_mape_percent: Option<f64>,
}

/// How deviations and trusted voxels go with errors, in the two regions that are reported side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Certainty {
    /// The reference mask.
    pub mask: RegionCertainty,
    /// The [whole head](whole_head).
    pub head: RegionCertainty,
}

impl Certainty {
    /// Of maps whose shape is that of the reference.
    ///
    /// # Errors
    /// When the maps hold no T1 or no T2.
    pub fn of(maps: &ParameterMaps, uncertainty: &Uncertainty, truth: &Truth) -> Result<Self> {
        let of = |region: &ArrayD<bool>| RegionCertainty::of(maps, uncertainty, truth, region);
        Ok(Self { mask: of(&truth.mask)?, head: of(&whole_head(truth.maps.pd.view()))? })
    }

    /// Mean over slices, each with equal weight; `None` of none.
    pub fn mean(of_slices: &[&Self]) -> Option<Self> {
        let over = |region: fn(&Self) -> RegionCertainty| {
            RegionCertainty::mean(&of_slices.iter().map(|certainty| region(certainty)).collect::<Vec<_>>())
        };
        (!of_slices.is_empty()).then(|| Self { mask: over(|of| of.mask), head: over(|of| of.head) })
    }
}

impl RegionCertainty {
    fn of(maps: &ParameterMaps, uncertainty: &Uncertainty, truth: &Truth, region: &ArrayD<bool>) -> Result<Self> {
        let coverage = match &uncertainty.deviations {
            Some(deviations) => MapCoverage::of(maps, deviations, &truth.maps, region.view())?,
            None => MapCoverage::default(),
        };
        let kept: Vec<bool> = region.iter().zip(&uncertainty.trusted).map(|(inside, ok)| *inside && *ok).collect();
        let count = |region: &mut dyn Iterator<Item = &bool>| region.filter(|inside| **inside).count() as f64;
        let mape = |reference: &ArrayD<f32>, name: &str| -> Result<Option<f64>> {
            let map = maps.parameter(name)?;
            let errors = metrics::absolute_percentage_errors(reference, map, &kept);
            Ok((!errors.is_empty()).then(|| metrics::mean(&errors)))
        };
        Ok(Self {
            coverage,
            trusted_percent: 100.0 * count(&mut kept.iter()) / count(&mut region.iter()).max(1.0),
            trusted_t1_mape_percent: mape(&truth.maps.t1, "T1")?,
            trusted_t2_mape_percent: mape(&truth.maps.t2, "T2")?,
        })
    }

    fn mean(of_slices: &[Self]) -> Self {
        let over = |value: &dyn Fn(&Self) -> Option<f64>| {
            let values: Vec<f64> = of_slices.iter().filter_map(value).collect();
            (!values.is_empty()).then(|| metrics::mean(&values))
        };
        Self {
            coverage: MapCoverage::mean(&of_slices.iter().map(|region| region.coverage).collect::<Vec<_>>()),
            trusted_percent: over(&|region| Some(region.trusted_percent)).unwrap_or_default(),
            trusted_t1_mape_percent: over(&|region| region.trusted_t1_mape_percent),
            trusted_t2_mape_percent: over(&|region| region.trusted_t2_mape_percent),
        }
    }
}

#[cfg(test)]
mod tests {
    use diph_datasets::QuantitativeMaps;
    use num_complex::Complex32;

    use super::*;
    use crate::parameter_maps;
    use crate::uncertainty::Deviations;

    /// The left half is right and trusted, the right half 50 % too high and not.
    #[test]
    fn trusted_voxels_have_errors_of_their_own() {
        let map = |f: &dyn Fn(usize) -> f32| ArrayD::from_shape_fn(vec![6, 8], |at| f(at[1]));
        let pd = ArrayD::from_elem(vec![6, 8], Complex32::ONE);
        let of = |factor: &dyn Fn(usize) -> f32| {
            QuantitativeMaps::new(map(factor), map(&|x| 0.1 * factor(x)), pd.clone()).unwrap()
        };
        let truth = Truth { maps: of(&|_| 1.0), mask: ArrayD::from_elem(vec![6, 8], true), tsmi: None };
        let found = parameter_maps(&of(&|x| if x < 4 { 1.0 } else { 1.5 }));
        let deviation = map(&|_| 0.1);
        let uncertainty = Uncertainty {
            trusted: ArrayD::from_shape_fn(vec![6, 8], |at| at[1] < 4),
            deviations: Some(Deviations { t1: deviation.clone(), t2: deviation.clone(), pd: deviation }),
            is_calibrated: true,
        };
        let certainty = Certainty::of(&found, &uncertainty, &truth).unwrap();
        let mask = certainty.mask;
        assert_eq!((mask.trusted_percent, mask.trusted_t1_mape_percent), (50.0, Some(0.0)));
        assert_eq!(mask.coverage.t2.unwrap().within_2_percent, 50.0);
        assert_eq!(Certainty::mean(&[&certainty, &certainty]).unwrap().mask.trusted_percent, 50.0);
        assert_eq!(Certainty::mean(&[]), None);
        let text = serde_json::to_string(&certainty).unwrap();
        assert_eq!(serde_json::from_str::<Certainty>(&text).unwrap(), certainty);
    }
}
