//! The step of a splitting that fits the data.

use ndarray::ArrayD;
use num_complex::Complex32;

use super::{CgSettings, ConjugateGradient, Problem};
use crate::{Result, StopReason};

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
