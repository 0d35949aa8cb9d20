//! Laws of projections on the signals that the physics allows.

use diph_core::{ImageShape, ParameterMaps, PhysicsProjector, Result};
use ndarray::{ArrayD, IxDyn};
use num_complex::Complex32;

use crate::probes::{distance, dot, finite, norm, normal, relative};
use crate::{Check, Limits, Report, same};

/// Tries every law of a projector on random images of `size`, a plane or a volume.
pub fn check_projector(projector: &dyn PhysicsProjector, size: &ImageShape, seed: u64) -> Report {
    check_projector_within(projector, size, seed, &Limits::default())
}

/// As [`check_projector`], with other limits.
pub fn check_projector_within(
    projector: &dyn PhysicsProjector,
    size: &ImageShape,
    seed: u64,
    limits: &Limits,
) -> Report {
    let probe = Probe { projector, size: *size, seed };
    let mut checks = vec![
        Check::new("idempotence", limits.projection, || probe.idempotence()),
        Check::new("complex homogeneity", limits.projection, || probe.homogeneity()),
        Check::new("residual orthogonal to the result", limits.projection, || probe.orthogonality()),
        Check::holds("zeros give zeros", || probe.zeros()),
        Check::holds("same result with maps", || probe.maps_agree()),
        Check::holds("finite results", || Ok(finite(&probe.project(&probe.image())?))),
        Check::holds("a wrong shape is refused", || Ok(probe.refuses_wrong_shape())),
    ];
    checks.extend(same::checks(|| probe.project(&probe.image())));
    Report { component: projector.name().into(), checks }
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

    fn image(&self) -> ArrayD<Complex32> {
        normal(&self.shape(), self.seed)
    }

    fn project(&self, x: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let mut z = ArrayD::from_elem(x.raw_dim(), Complex32::new(3.0, -2.0));
        self.projector.project(x.view(), z.view_mut(), None)?;
        Ok(z)
    }

    /// `|P P x - P x| / |P x|`.
    fn idempotence(&self) -> Result<f64> {
        let once = self.project(&self.image())?;
        Ok(relative(distance(&self.project(&once)?, &once), norm(&once)))
    }

    /// `|P(c x) - c P x| / |c P x|` for a complex c.
    fn homogeneity(&self) -> Result<f64> {
        let c = Complex32::new(-1.5, 2.0);
        let x = self.image();
        let expected = self.project(&x)?.mapv(|value| c * value);
        Ok(relative(distance(&self.project(&x.mapv(|value| c * value))?, &expected), norm(&expected)))
    }

    /// `|<P x, x - P x>| / |x|^2`: the nearest point of a cone.
    fn orthogonality(&self) -> Result<f64> {
        let x = self.image();
        let z = self.project(&x)?;
        Ok(relative(dot(&z, &(&x - &z)).norm(), norm(&x).powi(2)))
    }

    fn zeros(&self) -> Result<bool> {
        let zeros = ArrayD::zeros(IxDyn(&self.shape()));
        Ok(self.project(&zeros)?.iter().all(|value| *value == Complex32::ZERO))
    }

    fn maps_agree(&self) -> Result<bool> {
        let x = self.image();
        let mut maps = ParameterMaps::zeros(self.projector.parameters().to_vec(), &self.size);
        let mut z = ArrayD::zeros(x.raw_dim());
        self.projector.project(x.view(), z.view_mut(), Some(&mut maps))?;
        let finite = maps.values.iter().all(|value| value.is_finite())
            && maps.amplitude.iter().all(|value| value.re.is_finite() && value.im.is_finite());
        Ok(finite && z == self.project(&x)?)
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

        fn project(&self, x: View<'_>, mut z: ViewMut<'_>, maps: Option<&mut ParameterMaps>) -> Result<()> {
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
