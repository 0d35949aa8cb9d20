//! Conjugate gradients on damped normal equations.

use ndarray::ArrayD;
use num_complex::Complex32;

use super::{CgSettings, CgState};
use crate::{Breakdown, Error, ForwardOperator, Iteration, Outcome, Result, StopReason, View, ViewMut, run, vector};

/// Solves `(A^H A + rho I) u = b` by conjugate gradients (Hestenes & Stiefel 1952).
///
/// The residual is tested after each update; a right-hand side that the start already solves stops the first step.
#[derive(Clone)]
pub struct ConjugateGradient<'a> {
    /// `A`; only its `normal` is called.
    pub operator: &'a dyn ForwardOperator,
    /// `rho`, at least 0.
    pub damping: f32,
    /// `b`, in the operator's domain.
    pub right_hand_side: &'a ArrayD<Complex32>,
    /// Where to start; zeros when absent.
    pub warm_start: Option<&'a ArrayD<Complex32>>,
    /// When to stop.
    pub settings: CgSettings,
}

impl ConjugateGradient<'_> {
    /// Runs to the end without observers.
    ///
    /// # Errors
    /// Those of [`Iteration::start`] and of the operator.
    pub fn solve(&self) -> Result<Outcome<CgState>> {
        run(self, self.settings.max_iterations, &mut [])
    }

    fn apply(&self, x: View<'_>, mut out: ViewMut<'_>) -> Result<()> {
        self.operator.normal(x.view(), out.view_mut())?;
        if self.damping != 0.0 {
            out.scaled_add(Complex32::from(self.damping), &x);
        }
        Ok(())
    }

    fn is_converged(&self, residual_norm: f64) -> bool {
        let norm = vector::norm(slice(self.right_hand_side));
        residual_norm < self.settings.relative_tolerance * norm || residual_norm < self.settings.absolute_tolerance
    }
}

impl Iteration for ConjugateGradient<'_> {
    type State = CgState;

    fn start(&self) -> Result<CgState> {
        self.settings.check()?;
        if !(self.damping.is_finite() && self.damping >= 0.0) {
            return Err(Error::parameter("conjugate gradients", "damping", "a number of at least 0", self.damping));
        }
        let domain = self.operator.domain();
        let right_hand_side =
            domain.slice("conjugate gradients: start", "right-hand side", &self.right_hand_side.view())?;
        if let Some(index) = vector::first_not_finite(right_hand_side) {
            let (operation, role) = ("conjugate gradients: start".into(), "right-hand side".into());
            return Err(Error::NotFinite { operation, role, index });
        }
        let mut residual = self.right_hand_side.clone();
        let mut product = domain.zeros();
        let solution = match self.warm_start {
            None => domain.zeros(),
            Some(start) => {
                domain.slice("conjugate gradients: start", "warm start", &start.view())?;
                self.apply(start.view(), product.view_mut())?;
                residual -= &product;
                start.clone()
            }
        };
        let residual_norm = vector::norm(slice(&residual));
        Ok(CgState { solution, direction: residual.clone(), residual, residual_norm, product })
    }

    fn step(&self, state: &mut CgState) -> Result<Option<StopReason>> {
        if state.residual_norm == 0.0 {
            return Ok(Some(StopReason::Converged));
        }
        self.apply(state.direction.view(), state.product.view_mut())?;
        let curvature = vector::dot(slice(&state.direction), slice(&state.product)).re;
        if !curvature.is_finite() {
            return Ok(Some(StopReason::Breakdown(Breakdown::NotFinite)));
        }
        if curvature <= 0.0 {
            return Ok(Some(StopReason::Breakdown(Breakdown::NotPositiveDefinite)));
        }
        let energy = state.residual_norm * state.residual_norm;
        let length = (energy / curvature) as f32;
        vector::add_scaled(slice_mut(&mut state.solution), length, slice(&state.direction));
        vector::add_scaled(slice_mut(&mut state.residual), -length, slice(&state.product));
        state.residual_norm = vector::norm(slice(&state.residual));
        if self.is_converged(state.residual_norm) {
            return Ok(Some(StopReason::Converged));
        }
        let ratio = (state.residual_norm * state.residual_norm / energy) as f32;
        vector::scale_and_add(slice_mut(&mut state.direction), ratio, slice(&state.residual));
        Ok(None)
    }
}

/// Values of an array that this module made, and that therefore is C-contiguous.
fn slice(array: &ArrayD<Complex32>) -> &[Complex32] {
    array.as_slice().unwrap_or_default()
}

fn slice_mut(array: &mut ArrayD<Complex32>) -> &mut [Complex32] {
    array.as_slice_mut().unwrap_or_default()
}
