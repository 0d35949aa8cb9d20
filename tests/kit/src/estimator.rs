//! Laws of estimators.

use std::collections::BTreeMap;

use diph_core::{Error, Estimator, ImageShape, ParameterMaps, Result};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::laws::Laws;
use crate::random::{finite, normal};
use crate::{Report, Unwatched, Watch, same};

/// Tries every law of an estimator on random images of the given shape, (coefficient, y, x) or (coefficient, z, y, x): equal
/// inputs give equal results, everything asked for is written and finite, inputs stay untouched, wrong inputs are refused.
pub fn check_estimator(estimator: &dyn Estimator, image: &[usize], seed: u64) -> Report {
    watch_estimator(estimator, image, seed, &mut Unwatched)
}

/// As [`check_estimator`]; `watch` hears of every law.
pub fn watch_estimator(estimator: &dyn Estimator, image: &[usize], seed: u64, watch: &mut dyn Watch) -> Report {
    let probe = Probe { estimator, image, seed };
    let mut laws = Laws::new(watch);
    laws.holds("names its inputs", || Ok(probe.names_inputs()));
    laws.holds("finite results", || probe.finite());
    laws.holds("inputs stay untouched", || probe.leaves_inputs());
    laws.holds("a wrong shape is refused", || Ok(probe.refuses_wrong_shape()));
    laws.holds("a missing image is refused", || Ok(probe.estimate(&BTreeMap::new()).is_err()));
    let draw = |input: u64| Probe { seed: seed.wrapping_add(100 * input), ..probe }.images(image);
    same::checks(&mut laws, draw, |images| probe.estimate(images));
    laws.report(estimator.name())
}

type Images = BTreeMap<String, ArrayD<Complex32>>;

#[derive(Clone, Copy)]
struct Probe<'a> {
    estimator: &'a dyn Estimator,
    image: &'a [usize],
    seed: u64,
}

impl Probe<'_> {
    fn images(&self, shape: &[usize]) -> Images {
        let names = self.estimator.inputs().iter().zip(self.seed..);
        names.map(|(name, seed)| (name.clone(), normal(shape, seed))).collect()
    }

    fn names_inputs(&self) -> bool {
        let names = self.estimator.inputs();
        let distinct = self.images(&[1]).len() == names.len();
        !names.is_empty() && distinct && names.iter().all(|name| !name.is_empty())
    }

    fn maps(&self) -> Result<ParameterMaps> {
        let (_, shape) = ImageShape::split("estimator check", self.image)?;
        let mut maps = ParameterMaps::zeros(self.estimator.parameters().to_vec(), &shape);
        // Whatever is not written is found.
        maps.values.fill(f32::NAN);
        maps.amplitude.fill(Complex32::new(f32::NAN, 0.0));
        Ok(maps)
    }

    /// What it gives, one after the other: maps where it has parameters, otherwise an image.
    fn estimate(&self, images: &Images) -> Result<ArrayD<Complex32>> {
        if self.estimator.parameters().is_empty() {
            let mut image = ArrayD::from_elem(self.image, Complex32::new(f32::NAN, 0.0));
            self.estimator.estimate(images, Some(image.view_mut()), None)?;
            return Ok(image);
        }
        let mut maps = self.maps()?;
        self.estimator.estimate(images, None, Some(&mut maps))?;
        let values = maps.values.iter().map(|value| Complex32::from(*value)).chain(maps.amplitude.iter().copied());
        Ok(values.collect::<ndarray::Array1<_>>().into_dyn())
    }

    fn estimate_own(&self) -> Result<ArrayD<Complex32>> {
        self.estimate(&self.images(self.image))
    }

    fn finite(&self) -> Result<bool> {
        Ok(finite(&self.estimate_own()?))
    }

    fn leaves_inputs(&self) -> Result<bool> {
        let images = self.images(self.image);
        self.estimate(&images)?;
        Ok(images == self.images(self.image))
    }

    /// Images that do not fit the results.
    fn refuses_wrong_shape(&self) -> bool {
        let mut wrong = self.image.to_vec();
        if let Some(width) = wrong.last_mut() {
            *width += 1;
        }
        matches!(self.estimate(&self.images(&wrong)), Err(error) if !matches!(error, Error::NotFinite { .. }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diph_core::{Parameter, ViewMut};

    use super::*;

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        NoInputs,
        Unwritten,
        AnyShape,
        AnyImages,
        Forgetful,
    }

    /// Sums its images, with a fault; gives one map where it has a parameter.
    struct Sum {
        inputs: Vec<String>,
        parameters: Vec<Parameter>,
        fault: Fault,
        calls: AtomicUsize,
    }

    impl Sum {
        fn new(fault: Fault, parameters: Vec<Parameter>) -> Self {
            let inputs = if fault == Fault::NoInputs { vec![] } else { vec!["adjoint".into(), "low_res".into()] };
            Self { inputs, parameters, fault, calls: AtomicUsize::new(0) }
        }
    }

    impl Estimator for Sum {
        fn name(&self) -> &str {
            "sum"
        }

        fn inputs(&self) -> &[String] {
            &self.inputs
        }

        fn parameters(&self) -> &[Parameter] {
            &self.parameters
        }

        fn estimate(
            &self,
            images: &Images,
            image: Option<ViewMut<'_>>,
            maps: Option<&mut ParameterMaps>,
        ) -> Result<()> {
            let missing = || Error::parameter("sum", "images", "both", images.len());
            if images.len() < self.inputs.len() && self.fault != Fault::AnyImages {
                return Err(missing());
            }
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            let drift = if self.fault == Fault::Forgetful { call as f32 } else { 0.0 };
            let value = |i: usize| {
                images.values().filter_map(|image| image.as_slice()?.get(i)).sum::<Complex32>() + Complex32::from(drift)
            };
            let sizes = |expected: usize| images.values().all(|image| image.len() == expected);
            let fits = |len: usize| self.fault == Fault::AnyShape || images.is_empty() || sizes(len);
            if let Some(mut image) = image {
                if !fits(image.len()) {
                    return Err(missing());
                }
                image.iter_mut().enumerate().for_each(|(i, out)| *out = value(i));
            }
            if let Some(maps) = maps {
                // Images have two coefficients here.
                if !fits(2 * maps.amplitude.len()) {
                    return Err(missing());
                }
                if self.fault != Fault::Unwritten {
                    maps.values.iter_mut().enumerate().for_each(|(i, out)| *out = value(i).norm());
                }
                maps.amplitude.iter_mut().enumerate().for_each(|(i, out)| *out = value(i));
            }
            Ok(())
        }
    }

    fn check(fault: Fault, parameters: &[&str]) -> Report {
        let parameters = parameters.iter().map(|name| Parameter { name: (*name).into(), unit: "s".into() }).collect();
        check_estimator(&Sum::new(fault, parameters), &[2, 4, 5], 3)
    }

    #[test]
    fn lawful_estimators_of_maps_and_of_images_pass() {
        for parameters in [&["T1"][..], &[]] {
            let report = check(Fault::None, parameters);
            assert!(report.passed(), "{report}");
        }
    }

    #[test]
    fn every_law_catches_its_fault() {
        for (fault, law) in [
            (Fault::NoInputs, "names its inputs"),
            (Fault::Unwritten, "finite results"),
            (Fault::AnyShape, "a wrong shape is refused"),
            (Fault::AnyImages, "a missing image is refused"),
            (Fault::Forgetful, "determinism"),
            (Fault::Forgetful, "thread safety"),
        ] {
            let report = check(fault, &["T1"]);
            assert!(report.breaks(law), "{law} holds:\n{report}");
        }
    }
}
