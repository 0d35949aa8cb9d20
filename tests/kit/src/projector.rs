//! Laws of projections on the signals that the physics allows.

use std::collections::BTreeMap;

use diph_core::{ImageShape, ParameterMaps, PhysicsProjector, Result};
use ndarray::{ArrayD, Axis, IxDyn};
use num_complex::Complex32;

use crate::guarded::Guarded;
use crate::laws::Laws;
use crate::random::{distance, dot, finite, norm, normal, relative};
use crate::{Limits, Report, Unwatched, Watch, same};

/// Rounding of one product in `f32`.
const RESPONSE: f64 = 1e-4;

/// Tries every law of a projector on random images of `size`, a plane or a volume.
pub fn check_projector(projector: &dyn PhysicsProjector, size: &ImageShape, seed: u64) -> Report {
    watch_projector(projector, size, seed, &mut Unwatched)
}

/// As [`check_projector`]; `watch` hears of every law.
pub fn watch_projector(
    projector: &dyn PhysicsProjector,
    size: &ImageShape,
    seed: u64,
    watch: &mut dyn Watch,
) -> Report {
    let (probe, limits) = (Probe { projector, size: *size, seed }, Limits::default());
    let mut laws = Laws::new(watch);
    laws.holds("finite results", || Ok(finite(&probe.project(&probe.image(0))?)));
    laws.measure("idempotence", limits.projection, || probe.idempotence());
    laws.measure("complex homogeneity", limits.projection, || probe.homogeneity());
    laws.measure("residual orthogonal to the result", limits.projection, || probe.orthogonality());
    laws.holds("zeros give zeros", || probe.zeros());
    laws.holds("same result with maps", || probe.maps_agree());
    laws.measure("result = amplitude x response(values)", RESPONSE, || probe.response_error());
    laws.holds("a wrong shape is refused", || Ok(probe.refuses_wrong_shape()));
    let names: Vec<&str> = projector.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
    if !["T1", "T2"].iter().all(|name| names.contains(name)) {
        laws.warn(format!("`diph recon` writes maps of T1 and T2; it has maps of {names:?}"));
    }
    same::checks(&mut laws, |input| probe.image(input), |x| probe.project_bare(x));
    laws.report(projector.name())
}

struct Probe<'a> {
    projector: &'a dyn PhysicsProjector,
    size: ImageShape,
    seed: u64,
}

impl Probe<'_> {
    fn shape(&self) -> Vec<usize> {
        self.size.with_leading(self.projector.coefficients())
    }

    fn image(&self, draw: u64) -> ArrayD<Complex32> {
        normal(&self.shape(), self.seed.wrapping_add(draw))
    }

    fn project(&self, x: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        self.call(x, None)
    }

    /// Without guards, which take longer than a small projector: threads would hardly ever be inside of it at once.
    fn project_bare(&self, x: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let mut z = ArrayD::zeros(x.raw_dim());
        self.projector.project(x.view(), z.view_mut(), None)?;
        Ok(z)
    }

    /// One call, in which the result is guarded and the input must stay as it is.
    fn call(&self, x: &ArrayD<Complex32>, maps: Option<&mut ParameterMaps>) -> Result<ArrayD<Complex32>> {
        let operation = format!("{}: project", self.projector.name());
        let (lent, mut z) = (Guarded::lent(x), Guarded::new(x.shape()));
        self.projector.project(lent.view()?, z.view_mut()?, maps)?;
        lent.check_untouched(&operation, x)?;
        z.finish(&operation)
    }

    /// The result with its maps, which hold NaN until they are written.
    fn project_with_maps(&self, x: &ArrayD<Complex32>) -> Result<(ArrayD<Complex32>, ParameterMaps)> {
        let mut maps = ParameterMaps::zeros(self.projector.parameters().to_vec(), &self.size);
        maps.values.fill(f32::NAN);
        maps.amplitude.fill(Complex32::new(f32::NAN, f32::NAN));
        let z = self.call(x, Some(&mut maps))?;
        Ok((z, maps))
    }

    /// `|P P x - P x| / |P x|`.
    fn idempotence(&self) -> Result<f64> {
        let once = self.project(&self.image(0))?;
        Ok(relative(distance(&self.project(&once)?, &once), norm(&once)))
    }

    /// `|P(c x) - c P x| / |c P x|` for a complex c.
    fn homogeneity(&self) -> Result<f64> {
        let c = Complex32::new(-1.5, 2.0);
        let x = self.image(0);
        let expected = self.project(&x)?.mapv(|value| c * value);
        Ok(relative(distance(&self.project(&x.mapv(|value| c * value))?, &expected), norm(&expected)))
    }

    /// `|<P x, x - P x>| / |x|^2`: the nearest point of a cone.
    fn orthogonality(&self) -> Result<f64> {
        let x = self.image(0);
        let z = self.project(&x)?;
        Ok(relative(dot(&z, &(&x - &z)).norm(), norm(&x).powi(2)))
    }

    fn zeros(&self) -> Result<bool> {
        let zeros = ArrayD::zeros(IxDyn(&self.shape()));
        Ok(self.project(&zeros)?.iter().all(|value| *value == Complex32::ZERO))
    }

    fn maps_agree(&self) -> Result<bool> {
        let x = self.image(0);
        let (z, maps) = self.project_with_maps(&x)?;
        let finite = maps.values.iter().all(|value| value.is_finite())
            && maps.amplitude.iter().all(|value| value.re.is_finite() && value.im.is_finite());
        Ok(finite && z == self.project(&x)?)
    }

    /// In z = amplitude x response(values) the response depends on the values alone: places of equal values must have equal
    /// `z / amplitude`. Every place is tried against itself under another factor, and against all places of the same values.
    fn response_error(&self) -> Result<f64> {
        let x = self.image(0);
        let c = Complex32::new(-1.5, 2.0);
        let runs = [self.project_with_maps(&x)?, self.project_with_maps(&x.mapv(|value| c * value))?];
        let mut responses: BTreeMap<Vec<u32>, Vec<Complex32>> = BTreeMap::new();
        let mut worst = 0f64;
        for (z, maps) in &runs {
            let places = z.lanes(Axis(0)).into_iter().zip(maps.values.lanes(Axis(0))).zip(&maps.amplitude);
            for ((z, values), amplitude) in places.filter(|(_, amplitude)| **amplitude != Complex32::ZERO) {
                let response: Vec<Complex32> = z.iter().map(|z| z / amplitude).collect();
                let known = responses.entry(values.iter().map(|value| value.to_bits()).collect()).or_default();
                if known.is_empty() {
                    *known = response;
                    continue;
                }
                let size: f32 = known.iter().map(|value| value.norm_sqr()).sum();
                let apart: f32 = known.iter().zip(&response).map(|(a, b)| (a - b).norm_sqr()).sum();
                worst = worst.max(f64::from((apart / size).sqrt()));
            }
        }
        Ok(worst)
    }

    fn refuses_wrong_shape(&self) -> bool {
        let wrong = self.size.with_leading(self.projector.coefficients() + 1);
        let (x, mut z) = (normal(&wrong, self.seed), ArrayD::zeros(IxDyn(&wrong)));
        self.projector.project(x.view(), z.view_mut(), None).is_err()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use diph_core::{Error, Parameter, View, ViewMut};

    use super::*;

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        Shorter,
        RealOnly,
        Constant,
        MapsDiffer,
        NoMaps,
        Amplitude,
        NotANumber,
        AnyShape,
        Forgetful,
    }

    /// Projection on the multiples of (0.6, 0.8), with a fault.
    struct Ray {
        parameters: Vec<Parameter>,
        fault: Fault,
        calls: AtomicUsize,
    }

    impl PhysicsProjector for Ray {
        fn name(&self) -> &str {
            "ray"
        }

        fn coefficients(&self) -> usize {
            2
        }

        fn parameters(&self) -> &[Parameter] {
            &self.parameters
        }

        fn project(&self, x: View<'_>, mut z: ViewMut<'_>, mut maps: Option<&mut ParameterMaps>) -> Result<()> {
            if x.shape()[0] != 2 && self.fault != Fault::AnyShape {
                return Err(Error::incompatible("ray: project", "2 coefficients", x.shape()[0]));
            }
            let pixels = x.len() / x.shape()[0];
            let x: Vec<Complex32> = x.iter().copied().collect();
            let call = self.calls.fetch_add(1, Ordering::SeqCst);
            let Some(z) = z.as_slice_mut() else { return Ok(()) };
            for i in 0..pixels {
                let mut scale = x[i] * 0.6 + x[i + pixels] * 0.8;
                match self.fault {
                    Fault::Shorter => scale *= 0.9,
                    Fault::RealOnly => scale.im = 0.0,
                    Fault::Constant => scale += 0.1,
                    Fault::MapsDiffer if maps.is_some() => scale *= 1.001,
                    Fault::NotANumber => scale.re = f32::INFINITY,
                    Fault::Forgetful => scale *= 1.0 + call as f32 * 1e-4,
                    _ => {}
                }
                z[i] = scale * 0.6;
                z[i + pixels] = scale * 0.8;
                let amplitude = maps.as_mut().and_then(|maps| maps.amplitude.as_slice_mut());
                if let Some(amplitude) = amplitude.filter(|_| self.fault != Fault::NoMaps) {
                    amplitude[i] = if self.fault == Fault::Amplitude { scale.norm().into() } else { scale };
                }
            }
            Ok(())
        }
    }

    fn check(fault: Fault) -> Report {
        let ray = Ray { parameters: Vec::new(), fault, calls: AtomicUsize::new(0) };
        check_projector(&ray, &ImageShape::volume(2, 5, 6), 11)
    }

    #[test]
    fn a_lawful_projector_passes() {
        let report = check(Fault::None);
        assert!(report.passed(), "{report}");
    }

    #[test]
    fn every_law_catches_its_fault() {
        for (fault, law) in [
            (Fault::Shorter, "idempotence"),
            (Fault::Shorter, "residual orthogonal to the result"),
            (Fault::RealOnly, "complex homogeneity"),
            (Fault::Constant, "zeros give zeros"),
            (Fault::MapsDiffer, "same result with maps"),
            (Fault::NoMaps, "same result with maps"),
            (Fault::Amplitude, "result = amplitude x response(values)"),
            (Fault::NotANumber, "finite results"),
            (Fault::AnyShape, "a wrong shape is refused"),
            (Fault::Forgetful, "determinism"),
            (Fault::Forgetful, "thread safety"),
        ] {
            let report = check(fault);
            assert!(report.breaks(law), "{law} holds:\n{report}");
        }
    }
}
