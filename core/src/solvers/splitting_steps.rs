//! The steps that splitting solvers share: one fits the data, one applies the physics.

use ndarray::ArrayD;
use num_complex::Complex32;

use super::{CgSettings, ConjugateGradient, Problem};
use crate::{Error, ImageShape, ParameterMaps, PhysicsProjector, Result, Space, StopReason};

/// `argmin_u 1/2 ||A u - y||^2 + sum_i ( w_i/2 ||u - c_i||^2 + Re <d_i, u> )`, which is the solution of
/// `(A^H A + rho I) u = A^H y + sum_i (w_i c_i - d_i)` with `rho = sum_i w_i`.
///
/// An operator with a [regularised inverse](crate::RegularisedInverse) gives it exactly; elsewhere conjugate gradients
/// come close.
pub(super) struct DataStep<'a> {
    pub problem: &'a Problem,
    pub cg: CgSettings,
}

/// One term `w/2 ||u - c||^2 + Re <d, u>` of a data step.
pub(super) struct Pull<'a> {
    /// `w`, at least 0.
    pub weight: f32,
    /// `c`.
    pub image: &'a ArrayD<Complex32>,
    /// `d`; zeros when absent.
    pub dual: Option<&'a ArrayD<Complex32>>,
}

impl DataStep<'_> {
    /// Writes the solution into `x`; conjugate gradients start from what `x` held where `warm` is set, otherwise from zeros.
    /// Says why they broke down, if they did.
    ///
    /// # Errors
    /// Those of the operator, and of right-hand sides that are not finite.
    pub fn solve(&self, pulls: &[Pull<'_>], x: &mut ArrayD<Complex32>, warm: bool) -> Result<Option<StopReason>> {
        let mut right_hand_side = self.problem.adjoint().clone();
        let mut damping = 0.0;
        for pull in pulls {
            damping += pull.weight;
            right_hand_side.scaled_add(Complex32::from(pull.weight), pull.image);
            if let Some(dual) = pull.dual {
                right_hand_side -= dual;
            }
        }
        let operator = self.problem.operator();
        if let Some(inverse) = operator.regularised_inverse().filter(|_| damping > 0.0) {
            inverse.solve(damping, right_hand_side.view(), x.view_mut())?;
            return Ok(None);
        }
        let outcome = ConjugateGradient {
            operator,
            damping,
            right_hand_side: &right_hand_side,
            warm_start: warm.then_some(&*x),
            settings: self.cg,
        }
        .solve()?;
        *x = outcome.state.solution;
        Ok(matches!(outcome.stop, StopReason::Breakdown(_)).then_some(outcome.stop))
    }
}

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
