//! The step of a splitting that applies the physics.

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{Error, ParameterMaps, PhysicsProjector, Result, Space};

/// The physics in the loop: the image `z` that fits it, the dual variable `v` of `x_hat = z`, and parameter maps.
#[derive(Clone, Debug)]
pub struct PhysicsState {
    /// The projector's image; zeros where only the dual runs.
    pub z: ArrayD<Complex32>,
    /// Dual variable of `x_hat = z`.
    pub v: ArrayD<Complex32>,
    /// Parameter maps of `z`, its amplitude in units of the problem's intensity; `None` where there is no projector, or where
    /// the domain is no image.
    pub maps: Option<ParameterMaps>,
}

impl PhysicsState {
    /// Zeros, for images of `domain`.
    pub(super) fn start(domain: &Space, projector: Option<&dyn PhysicsProjector>) -> Self {
        let zeros = domain.zeros();
        let maps = match (projector, zeros.shape()) {
            (Some(projector), &[_, height, width]) => {
                Some(ParameterMaps::zeros(projector.parameters().to_vec(), height, width))
            }
            _ => None,
        };
        Self { z: zeros.clone(), v: zeros, maps }
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

/// The projector of a solver whose settings put the physics into the loop.
///
/// # Errors
/// [`Error::Parameter`] when there is none, [`Error::Incompatible`] when it takes another number of coefficients than the
/// images of `domain` have.
pub(super) fn required<'p>(
    solver: &str,
    projector: Option<&'p dyn PhysicsProjector>,
    domain: &Space,
) -> Result<&'p dyn PhysicsProjector> {
    let Some(projector) = projector else {
        return Err(Error::parameter(solver, "physics", "a projector where the physics is in the loop", "none"));
    };
    let coefficients = domain.axes().first().map_or(0, |axis| axis.len);
    if projector.coefficients() != coefficients {
        let expected = format!("{} to take {coefficients} coefficients", projector.name());
        return Err(Error::incompatible(solver, expected, projector.coefficients()));
    }
    Ok(projector)
}
