//! The step of a splitting that applies the physics.

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{Error, ImageShape, ParameterMaps, PhysicsProjector, Result, Space};

/// The physics in the loop: the image `z` that fits it, the dual variable `v` of `x_hat = z`, and parameter maps.
#[derive(Clone, Debug)]
pub struct PhysicsState {
    /// The projector's image; zeros where only the dual runs.
    pub z: ArrayD<Complex32>,
    /// Dual variable of `x_hat = z`.
    pub v: ArrayD<Complex32>,
    /// Parameter maps of `z`, its amplitude in units of the problem's intensity; `None` where there is no projector.
    pub maps: Option<ParameterMaps>,
}

impl PhysicsState {
    /// Zeros with maps, for images of `domain` and the projector that the settings of `solver` put into its loop.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no projector; [`Error::Incompatible`] when the domain is no plane and no volume, or
    /// the projector takes another number of coefficients.
    pub(super) fn start(solver: &str, projector: Option<&dyn PhysicsProjector>, domain: &Space) -> Result<Self> {
        let Some(projector) = projector else {
            return Err(Error::parameter(solver, "physics", "a projector where the physics is in the loop", "none"));
        };
        let (coefficients, image) = ImageShape::split(solver, &domain.shape())?;
        if projector.coefficients() != coefficients {
            let expected = format!("{} to take {coefficients} coefficients", projector.name());
            return Err(Error::incompatible(solver, expected, projector.coefficients()));
        }
        let maps = Some(ParameterMaps::zeros(projector.parameters().to_vec(), &image));
        Ok(Self { maps, ..Self::without_projector(domain) })
    }

    /// Zeros without maps, for a dual that runs alone.
    pub(super) fn without_projector(domain: &Space) -> Self {
        Self { z: domain.zeros(), v: domain.zeros(), maps: None }
    }

    /// `z = Projector(x_hat + v / gamma)`, where there is a projector, and `v += gamma (x_hat - z)`.
    ///
    /// # Errors
    /// Those of the projector.
    pub(super) fn update(
        &mut self,
        projector: Option<&dyn PhysicsProjector>,
        gamma: f32,
        x_hat: &ArrayD<Complex32>,
    ) -> Result<()> {
        if let Some(projector) = projector {
            let mut shifted = x_hat.clone();
            shifted.scaled_add(Complex32::from(1.0 / gamma), &self.v);
            projector.project(shifted.view(), self.z.view_mut(), self.maps.as_mut())?;
        }
        ndarray::Zip::from(&mut self.v).and(x_hat).and(&self.z).for_each(|v, x, z| *v += (*x - *z) * gamma);
        Ok(())
    }
}
