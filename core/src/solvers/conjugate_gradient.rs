//! Conjugate gradients on damped normal equations, with and without a preconditioner.

use ndarray::ArrayD;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use crate::{
    Breakdown, Error, ForwardOperator, Iteration, Outcome, Preconditioner, Result, StopReason, View, ViewMut, run,
    vector,
};

const NAME: &str = "conjugate gradients";

/// Solves `(A^H A + rho I) u = b` by conjugate gradients (Hestenes & Stiefel 1952), preconditioned where the operator offers it
/// and the settings do not refuse (Saad 2003, algorithm 9.1).
///
/// The residual `b - (A^H A + rho I) u` is tested after each update, and it is the true one in both cases: a
/// preconditioner changes the way to the solution, not when it counts as found. A right-hand side that the start already
/// solves stops the first step.
#[derive(Clone)]
pub struct ConjugateGradient<'a> {
    /// `A`; only its `normal` and its preconditioner are called.
    pub operator: &'a dyn ForwardOperator,
    /// Damping `rho` of the normal equations, at least 0.
    pub damping: f32,
    /// `b`, in the operator's domain.
    pub right_hand_side: &'a ArrayD<Complex32>,
    /// Where to start; zeros when absent.
    pub warm_start: Option<&'a ArrayD<Complex32>>,
    /// When the run stops: number of steps and tolerances.
    pub settings: CgSettings,
}

/// When conjugate gradients stop: by count, or when the residual norm falls below either tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CgSettings {
    /// Number of steps at most.
    pub max_iterations: usize,
    /// Stops at `||r|| < relative_tolerance * ||right-hand side||`.
    pub relative_tolerance: f64,
    /// Stops at `||r|| < absolute_tolerance`.
    pub absolute_tolerance: f64,
    /// Whether the preconditioner of the operator is used: `true` demands one, `false` takes plain steps, and without a word
    /// it is used where the operator has one.
    pub preconditioned: Option<bool>,
}

impl Default for CgSettings {
    fn default() -> Self {
        Self { max_iterations: 5, relative_tolerance: 1e-5, absolute_tolerance: 0.0, preconditioned: None }
    }
}

impl CgSettings {
    /// Fails on a count of zero and on tolerances that are negative or not finite.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        if self.max_iterations == 0 {
            return Err(Error::parameter(NAME, "max_iterations", "at least 1", 0));
        }
        for (name, value) in
            [("relative_tolerance", self.relative_tolerance), ("absolute_tolerance", self.absolute_tolerance)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::parameter(NAME, name, "a finite number of at least 0", value));
            }
        }
        Ok(())
    }
}

/// Iterate, residual and search direction of [`ConjugateGradient`].
#[derive(Clone, Debug)]
pub struct CgState {
    /// The iterate `u`, an image of the domain.
    pub solution: ArrayD<Complex32>,
    /// `r = b - (A^H A + rho) u`.
    pub residual: ArrayD<Complex32>,
    /// Norm of the residual `b - (A^H A + rho I) u`.
    pub residual_norm: f64,
    direction: ArrayD<Complex32>,
    product: ArrayD<Complex32>,
    /// `M r` of a preconditioned run; without a preconditioner the residual itself takes its place.
    preconditioned: Option<ArrayD<Complex32>>,
    /// `<r, M r>`.
    energy: f64,
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

    fn preconditioner(&self) -> Result<Option<&dyn Preconditioner>> {
        let offered = self.operator.preconditioner();
        match self.settings.preconditioned {
            Some(false) => Ok(None),
            Some(true) if offered.is_none() => {
                let expected = "false where the operator has no preconditioner";
                Err(Error::parameter(NAME, "preconditioned", expected, format!("true with {}", self.operator.name())))
            }
            _ => Ok(offered),
        }
    }

    /// Brings `M r` and `<r, M r>` up to date.
    fn precondition(&self, state: &mut CgState) -> Result<()> {
        let (Some(preconditioner), Some(preconditioned)) = (self.preconditioner()?, &mut state.preconditioned) else {
            state.energy = state.residual_norm * state.residual_norm;
            return Ok(());
        };
        preconditioner.apply(self.damping, state.residual.view(), preconditioned.view_mut())?;
        state.energy = vector::dot(slice(&state.residual), slice(preconditioned)).re;
        Ok(())
    }
}

impl Iteration for ConjugateGradient<'_> {
    type State = CgState;

    fn start(&self) -> Result<CgState> {
        self.settings.check()?;
        if !(self.damping.is_finite() && self.damping >= 0.0) {
            return Err(Error::parameter(NAME, "damping", "a number of at least 0", self.damping));
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
        let preconditioned = self.preconditioner()?.map(|_| domain.zeros());
        let direction = residual.clone();
        let mut state = CgState { solution, residual, residual_norm, direction, product, preconditioned, energy: 0.0 };
        self.precondition(&mut state)?;
        if let Some(preconditioned) = &state.preconditioned {
            state.direction.assign(preconditioned);
        }
        Ok(state)
    }

    fn step(&self, state: &mut CgState) -> Result<Option<StopReason>> {
        if state.residual_norm == 0.0 {
            return Ok(Some(StopReason::Converged));
        }
        self.apply(state.direction.view(), state.product.view_mut())?;
        let curvature = vector::dot(slice(&state.direction), slice(&state.product)).re;
        for value in [curvature, state.energy] {
            if !value.is_finite() {
                return Ok(Some(StopReason::Breakdown(Breakdown::NotFinite)));
            }
            if value <= 0.0 {
                return Ok(Some(StopReason::Breakdown(Breakdown::NotPositiveDefinite)));
            }
        }
        let energy = state.energy;
        let length = (energy / curvature) as f32;
        vector::add_scaled(slice_mut(&mut state.solution), length, slice(&state.direction));
        vector::add_scaled(slice_mut(&mut state.residual), -length, slice(&state.product));
        state.residual_norm = vector::norm(slice(&state.residual));
        if self.is_converged(state.residual_norm) {
            return Ok(Some(StopReason::Converged));
        }
        self.precondition(state)?;
        let ratio = (state.energy / energy) as f32;
        let downhill = state.preconditioned.as_ref().unwrap_or(&state.residual);
        vector::scale_and_add(slice_mut(&mut state.direction), ratio, slice(downhill));
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
