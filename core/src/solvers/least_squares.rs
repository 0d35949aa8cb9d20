//! Least squares: the data alone.

use ndarray::ArrayD;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use super::solution::relative_change;
use super::{CgSettings, CgState, ConjugateGradient, Problem, Solution};
use crate::{Error, Iteration, Observer, Outcome, Result, StopReason, run};

/// `min 1/2 ||A x - y||^2` by conjugate gradients on the normal equations `A^H A x = A^H y`, from zero; stopped early,
/// because later steps fit the noise.
///
/// A single step is the adjoint image at its best scale: SVD-MRF (McGivney et al. 2014).
#[derive(Clone)]
pub struct LeastSquares<'a> {
    /// Operator and data that the image is to explain.
    pub problem: &'a Problem,
    /// When the run stops: number of steps and tolerances.
    pub settings: LeastSquaresSettings,
}

/// When [`LeastSquares`] stops, and whether it is preconditioned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeastSquaresSettings {
    /// Number of steps at most.
    pub iterations: usize,
    /// Stops when `||A^H A x - A^H y|| < tolerance * ||A^H y||`; 0 never does.
    pub tolerance: f64,
    /// Uses the preconditioner of the operator, which then must have one. Not without being asked: the number of plain steps
    /// is what holds the noise back.
    pub preconditioned: bool,
}

impl Default for LeastSquaresSettings {
    fn default() -> Self {
        Self { iterations: 5, tolerance: 1e-5, preconditioned: false }
    }
}

impl LeastSquaresSettings {
    /// Fails on numbers outside of their range.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        if self.iterations == 0 {
            return Err(Error::parameter("least squares", "iterations", "at least 1", 0));
        }
        if !(self.tolerance.is_finite() && self.tolerance >= 0.0) {
            return Err(Error::parameter("least squares", "tolerance", "a number of at least 0", self.tolerance));
        }
        Ok(())
    }
}

/// What changes from step to step of [`LeastSquares`].
#[derive(Clone, Debug)]
pub struct LeastSquaresState {
    /// Iterate and residual of the normal equations.
    pub cg: CgState,
    /// `||x - previous x|| / ||x||`.
    pub relative_change: f32,
}

impl LeastSquares<'_> {
    /// Runs the solver until it converges, breaks down, is cancelled or has done all its steps.
    ///
    /// # Errors
    /// As [`run`].
    pub fn solve(&self, observers: &mut [&mut dyn Observer<LeastSquaresState>]) -> Result<Outcome<LeastSquaresState>> {
        run(self, self.settings.iterations, observers)
    }

    fn normal_equations(&self) -> ConjugateGradient<'_> {
        let LeastSquaresSettings { iterations, tolerance, preconditioned } = self.settings;
        ConjugateGradient {
            operator: self.problem.operator(),
            damping: 0.0,
            right_hand_side: self.problem.adjoint(),
            warm_start: None,
            settings: CgSettings {
                max_iterations: iterations,
                relative_tolerance: tolerance,
                absolute_tolerance: 0.0,
                preconditioned: Some(preconditioned),
            },
        }
    }
}

impl Iteration for LeastSquares<'_> {
    type State = LeastSquaresState;

    fn start(&self) -> Result<LeastSquaresState> {
        self.settings.check()?;
        Ok(LeastSquaresState { cg: self.normal_equations().start()?, relative_change: f32::INFINITY })
    }

    fn step(&self, state: &mut LeastSquaresState) -> Result<Option<StopReason>> {
        let previous = state.cg.solution.clone();
        let stop = self.normal_equations().step(&mut state.cg)?;
        state.relative_change = relative_change(&state.cg.solution, &previous);
        Ok(stop)
    }
}

impl Solution for LeastSquaresState {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.cg.solution
    }

    fn relative_change(&self) -> f32 {
        self.relative_change
    }
}
