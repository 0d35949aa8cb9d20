//! Errors of maps over regions of the image and over classes of voxels.

use diph_core::{ParameterMaps, Result, metrics};
use num_complex::{Complex32, Complex64};
use serde::{Deserialize, Serialize};

use super::{VoxelClass, whole_head};
use crate::slices::Truth;

/// Voxels that a class must have in a slice, so that its errors count: the mean of fewer says little.
pub const LEAST_VOXELS: usize = 20;

/// Errors of one map over some voxels, in percent of the reference value of each voxel.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoxelErrors {
    /// How many voxels; in a mean over slices those of all slices together.
    pub voxels: usize,
    /// Mean of the absolute error.
    pub mape_percent: f64,
    /// Mean of the signed error: positive where the map is too high.
    pub bias_percent: f64,
    /// Median of the absolute error.
    pub median_ape_percent: f64,
    /// Median of the signed error.
    pub median_bias_percent: f64,
}

/// Errors of the three maps over one set of voxels; `None` where the set is too small. PD is known up to a complex factor, so
/// that its errors are those of |PD| after the best factor of the region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MapErrors {
    /// Longitudinal relaxation time.
    pub t1: Option<VoxelErrors>,
    /// Transverse relaxation time.
    pub t2: Option<VoxelErrors>,
    /// Magnitude of the proton density.
    pub pd: Option<VoxelErrors>,
}

/// Errors in a class of voxels within a region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassErrors {
    /// Name of the [`VoxelClass`].
    pub class: String,
    /// Errors of the class, if it has [`LEAST_VOXELS`].
    #[serde(flatten)]
    pub maps: MapErrors,
}

/// Errors in a region of the image: as a whole, and in each [`VoxelClass`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegionErrors {
    /// Errors over all voxels of the region.
    #[serde(flatten)]
    pub maps: MapErrors,
    /// Errors of tissues, ranges of T1 and ranges of T2, in the order of [`VoxelClass::all`].
    pub classes: Vec<ClassErrors>,
}

/// Errors in the two regions that are reported side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Regions {
    /// The reference mask: the data folder's own, or |PD| above its threshold.
    pub mask: RegionErrors,
    /// The [whole head](whole_head).
    pub head: RegionErrors,
}

impl VoxelErrors {
    /// Of signed relative errors (fractions); `None` of none.
    pub fn of(errors: &[f64]) -> Option<Self> {
        let absolute: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
        (!errors.is_empty()).then(|| Self {
            voxels: errors.len(),
            mape_percent: 100.0 * metrics::mean(&absolute),
            bias_percent: 100.0 * metrics::mean(errors),
            median_ape_percent: 100.0 * metrics::median(&absolute),
            median_bias_percent: 100.0 * metrics::median(errors),
        })
    }

    fn mean(of_slices: impl Iterator<Item = Option<Self>>) -> Option<Self> {
        let found: Vec<Self> = of_slices.flatten().collect();
        let over = |value: fn(&Self) -> f64| metrics::mean(&found.iter().map(value).collect::<Vec<_>>());
        (!found.is_empty()).then(|| Self {
            voxels: found.iter().map(|errors| errors.voxels).sum(),
            mape_percent: over(|errors| errors.mape_percent),
            bias_percent: over(|errors| errors.bias_percent),
            median_ape_percent: over(|errors| errors.median_ape_percent),
            median_bias_percent: over(|errors| errors.median_bias_percent),
        })
    }
}

impl MapErrors {
    fn mean(of_slices: &[&Self]) -> Self {
        let over =
            |map: fn(&Self) -> Option<VoxelErrors>| VoxelErrors::mean(of_slices.iter().map(|errors| map(errors)));
        Self { t1: over(|errors| errors.t1), t2: over(|errors| errors.t2), pd: over(|errors| errors.pd) }
    }

    /// Whether any error is known: a reference was there, with voxels in the region.
    pub fn is_known(&self) -> bool {
        self.t1.is_some() || self.t2.is_some() || self.pd.is_some()
    }
}

impl RegionErrors {
    /// Errors of a class by its name.
    pub fn class(&self, name: &str) -> Option<&MapErrors> {
        self.classes.iter().find(|errors| errors.class == name).map(|errors| &errors.maps)
    }

    fn mean(of_slices: &[&Self]) -> Self {
        let maps = MapErrors::mean(&of_slices.iter().map(|region| &region.maps).collect::<Vec<_>>());
        let class = |class: VoxelClass| {
            let errors: Vec<&MapErrors> = of_slices.iter().filter_map(|region| region.class(class.name)).collect();
            ClassErrors { class: class.name.into(), maps: MapErrors::mean(&errors) }
        };
        Self { maps, classes: VoxelClass::all().map(class).collect() }
    }
}

impl Regions {
    /// Errors of maps whose shape is that of the reference.
    ///
    /// # Errors
    /// When the maps hold no T1 or no T2.
    pub(super) fn of(maps: &ParameterMaps, truth: &Truth) -> Result<Self> {
        let head = whole_head(truth.maps.pd.view());
        let of = |inside: Vec<bool>| Voxels::new(maps, truth, inside).map(|voxels| voxels.errors());
        Ok(Self { mask: of(truth.mask.iter().copied().collect())?, head: of(head.iter().copied().collect())? })
    }

    /// Mean over slices, each with equal weight; a class over the slices that have enough voxels of it.
    pub(super) fn mean(of_slices: &[&Self]) -> Option<Self> {
        let over = |region: fn(&Self) -> &RegionErrors| {
            RegionErrors::mean(&of_slices.iter().map(|regions| region(regions)).collect::<Vec<_>>())
        };
        (!of_slices.is_empty())
            .then(|| Self { mask: over(|regions| &regions.mask), head: over(|regions| &regions.head) })
    }
}

/// Result and reference in the voxels of a region, one after the other.
struct Voxels {
    t1: Vec<f32>,
    t2: Vec<f32>,
    pd: Vec<f32>,
    reference_t1: Vec<f32>,
    reference_t2: Vec<f32>,
    reference_pd: Vec<f32>,
}

impl Voxels {
    fn new(maps: &ParameterMaps, truth: &Truth, inside: Vec<bool>) -> Result<Self> {
        let (t1, t2) = (maps.parameter("T1")?, maps.parameter("T2")?);
        let pd: Vec<Complex32> = within(maps.amplitude.iter(), &inside);
        let reference_pd: Vec<Complex32> = within(truth.maps.pd.iter(), &inside);
        let scale = best_scale(&pd, &reference_pd);
        let magnitude = |values: &[Complex32], scale: f32| values.iter().map(|value| scale * value.norm()).collect();
        Ok(Self {
            t1: within(t1.iter(), &inside),
            t2: within(t2.iter(), &inside),
            pd: magnitude(&pd, scale),
            reference_t1: within(truth.maps.t1.iter(), &inside),
            reference_t2: within(truth.maps.t2.iter(), &inside),
            reference_pd: magnitude(&reference_pd, 1.0),
        })
    }

    fn errors(&self) -> RegionErrors {
        let class = |class: VoxelClass| {
            let values = self.reference_t1.iter().zip(&self.reference_t2);
            let members: Vec<bool> = values.map(|(t1, t2)| class.contains(*t1, *t2)).collect();
            let enough = members.iter().filter(|member| **member).count() >= LEAST_VOXELS;
            let maps = if enough { self.errors_of(&members) } else { MapErrors::default() };
            ClassErrors { class: class.name.into(), maps }
        };
        let maps = self.errors_of(&vec![true; self.t1.len()]);
        RegionErrors { maps, classes: VoxelClass::all().map(class).collect() }
    }

    fn errors_of(&self, members: &[bool]) -> MapErrors {
        let errors = |reference, values| VoxelErrors::of(&metrics::relative_errors(reference, values, members));
        MapErrors {
            t1: errors(&self.reference_t1, &self.t1),
            t2: errors(&self.reference_t2, &self.t2),
            pd: errors(&self.reference_pd, &self.pd),
        }
    }
}

fn within<'a, T: Copy + 'a>(values: impl Iterator<Item = &'a T>, inside: &[bool]) -> Vec<T> {
    values.zip(inside).filter(|(_, inside)| **inside).map(|(value, _)| *value).collect()
}

/// Magnitude of the complex factor that brings `values` closest to `reference`; 1 where there is nothing to scale.
fn best_scale(values: &[Complex32], reference: &[Complex32]) -> f32 {
    let energy = diph_core::vector::norm_sqr(values);
    let cross: Complex64 = diph_core::vector::dot(values, reference);
    if energy > 0.0 { (cross.norm() / energy) as f32 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use diph_datasets::QuantitativeMaps;
    use ndarray::Array2;

    use super::*;
    use crate::parameter_maps;

    /// Half of the image is white matter and 10 % too high in T1, the other half grey and 20 % too low in T2.
    fn errors() -> Regions {
        let white = |x: usize| x < 10;
        let map = |f: &dyn Fn(usize) -> f32| Array2::from_shape_fn((8, 20), |(_, x)| f(x)).into_dyn();
        let pd = |factor: f32| {
            Array2::from_shape_fn((8, 20), |(y, x)| Complex32::from_polar(factor * (1.0 + (y + x) as f32), 0.3))
                .into_dyn()
        };
        let (t1, t2) = (|x| if white(x) { 0.8 } else { 1.5 }, |x| if white(x) { 0.05 } else { 0.1 });
        let truth = QuantitativeMaps::new(map(&t1), map(&t2), pd(1.0)).unwrap();
        let found = QuantitativeMaps::new(
            map(&|x| t1(x) * if white(x) { 1.1 } else { 1.0 }),
            map(&|x| t2(x) * if white(x) { 1.0 } else { 0.8 }),
            pd(7.0).mapv(|value| value * Complex32::i()),
        );
        let mask = Array2::from_shape_fn((8, 20), |(_, x)| white(x)).into_dyn();
        let truth = Truth { maps: truth, mask, tsmi: None };
        Regions::of(&parameter_maps(&found.unwrap()), &truth).unwrap()
    }

    #[test]
    fn mask_head_and_classes_against_hand_computed_values() {
        let Regions { mask, head } = errors();
        let near = |errors: Option<VoxelErrors>, expected: (usize, f64, f64, f64)| {
            let errors = errors.unwrap();
            assert_eq!(errors.voxels, expected.0);
            for (got, expected) in [
                (errors.mape_percent, expected.1),
                (errors.bias_percent, expected.2),
                (errors.median_ape_percent, expected.3),
            ] {
                assert!((got - expected).abs() < 1e-3, "{got} instead of {expected}");
            }
        };
        near(mask.maps.t1, (80, 10.0, 10.0, 10.0));
        near(mask.maps.t2, (80, 0.0, 0.0, 0.0));
        near(mask.maps.pd, (80, 0.0, 0.0, 0.0));
        assert!(head.maps.t1.unwrap().voxels > 80, "the head is larger than the mask");
        near(
            head.class("white matter").unwrap().t1.map(|errors| VoxelErrors { voxels: 0, ..errors }),
            (0, 10.0, 10.0, 10.0),
        );
        near(
            head.class("grey matter").unwrap().t2.map(|errors| VoxelErrors { voxels: 0, ..errors }),
            (0, 20.0, -20.0, 20.0),
        );
        near(mask.class("T1 0.6-0.9 s").unwrap().t1, (80, 10.0, 10.0, 10.0));
        assert!(!mask.class("grey matter").unwrap().is_known(), "no voxels of it in the mask");
        assert!(mask.class("grey").is_none());
    }

    #[test]
    fn a_mean_takes_the_slices_that_have_the_class() {
        let (one, mut other) = (errors(), errors());
        other.mask.maps.t1 = Some(VoxelErrors {
            voxels: 20,
            mape_percent: 30.0,
            bias_percent: -30.0,
            median_ape_percent: 20.0,
            median_bias_percent: -20.0,
        });
        other.mask.classes.iter_mut().for_each(|class| class.maps = MapErrors::default());
        let mean = Regions::mean(&[&one, &other]).unwrap();
        let t1 = mean.mask.maps.t1.unwrap();
        assert_eq!(t1.voxels, 100);
        assert!((t1.mape_percent - 20.0).abs() < 1e-3 && (t1.bias_percent + 10.0).abs() < 1e-3);
        assert_eq!(mean.mask.class("white matter"), one.mask.class("white matter"));
        assert_eq!(Regions::mean(&[]), None);
    }
}
