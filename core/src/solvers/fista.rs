//! Accelerated proximal gradients.

use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;
use serde::{Deserialize, Serialize};

use super::Solution;
use crate::{
    Breakdown, Conditions, Error, Iteration, Observer, Outcome, Prior, PriorContext, Problem, Result, Rng, StopReason,
    run, vector,
};

/// Norm beyond which an iterate, of order 1 in units of the intensity, is on its way out of the range of numbers.
const DIVERGED: f64 = 1e15;

/// FISTA (Beck & Teboulle 2009) with gradient restart (O'Donoghue & Candes 2015) for
/// `min 1/2 ||A x - y||^2 + lambda R(x)`, where the prior is the proximal map of R.
#[derive(Clone)]
pub struct Fista<'a> {
    /// Operator and data that the image is to explain.
    pub problem: &'a Problem,
    /// Prior whose `denoise` is the proximal map of R.
    pub prior: &'a dyn Prior,
    /// Weight of the prior, length of a step, and when to stop.
    pub settings: FistaSettings,
    /// Condition images for the prior.
    pub conditions: &'a Conditions<'a>,
    /// Seed of the generator that the prior may draw from.
    pub seed: u64,
}

/// Weight, step and stopping of [`Fista`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FistaSettings {
    /// Number of steps at most.
    pub iterations: usize,
    /// Regularisation weight `lambda` of the prior.
    pub lambda: f32,
    /// An upper bound of `||A^H A||`; the step is its inverse. A normalised problem has 1, and because power iteration
    /// comes from below, a few percent belong on top.
    pub lipschitz: f32,
    /// Ends a run when an iterate changes by less than this share of its norm; 0 never does.
    pub tolerance: f32,
}

impl Default for FistaSettings {
    fn default() -> Self {
        Self { iterations: 80, lambda: 1e-2, lipschitz: 1.02, tolerance: 0.0 }
    }
}

impl FistaSettings {
    /// Fails on numbers outside of their range.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        if self.iterations == 0 {
            return Err(Error::parameter("fista", "iterations", "at least 1", 0));
        }
        for (name, value) in [("lambda", self.lambda), ("tolerance", self.tolerance)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::parameter("fista", name, "a number of at least 0", value));
            }
        }
        if !(self.lipschitz.is_finite() && self.lipschitz > 0.0) {
            return Err(Error::parameter("fista", "lipschitz", "a positive number", self.lipschitz));
        }
        Ok(())
    }
}

/// Iterate and momentum of [`Fista`].
#[derive(Clone, Debug)]
pub struct FistaState {
    /// The iterate, an image of the domain.
    pub x: ArrayD<Complex32>,
    /// `R(x)`, where the prior tells it.
    pub penalty: Option<f64>,
    /// `||x - previous x|| / ||x||`.
    pub relative_change: f32,
    extrapolated: ArrayD<Complex32>,
    previous: ArrayD<Complex32>,
    gradient: ArrayD<Complex32>,
    momentum: f64,
    rng: Rng,
}

impl Fista<'_> {
    /// Runs the solver until it converges, breaks down, is cancelled or has done all its steps.
    ///
    /// # Errors
    /// As [`run`].
    pub fn solve(&self, observers: &mut [&mut dyn Observer<FistaState>]) -> Result<Outcome<FistaState>> {
        run(self, self.settings.iterations, observers)
    }

    /// `1/2 ||A x - y||^2 + lambda R(x)` of the iterate; `None` where the prior is no proximal map. Applies the operator once.
    ///
    /// # Errors
    /// Those of the operator.
    pub fn objective(&self, state: &FistaState) -> Result<Option<f64>> {
        let Some(penalty) = state.penalty else { return Ok(None) };
        Ok(Some(self.problem.misfit(state.x.view())? + f64::from(self.settings.lambda) * penalty))
    }
}

impl Iteration for Fista<'_> {
    type State = FistaState;

    fn start(&self) -> Result<FistaState> {
        self.settings.check()?;
        let zeros = self.problem.operator().domain().zeros();
        Ok(FistaState {
            x: zeros.clone(),
            extrapolated: zeros.clone(),
            previous: zeros.clone(),
            gradient: zeros,
            momentum: 1.0,
            penalty: None,
            relative_change: f32::INFINITY,
            rng: Rng::seed_from_u64(self.seed),
        })
    }

    fn step(&self, state: &mut FistaState) -> Result<Option<StopReason>> {
        let step = 1.0 / self.settings.lipschitz;
        self.problem.operator().normal(state.extrapolated.view(), state.gradient.view_mut())?;
        state.gradient -= self.problem.adjoint();
        let mut noisy = state.extrapolated.clone();
        noisy.scaled_add(Complex32::from(-step), &state.gradient);

        std::mem::swap(&mut state.x, &mut state.previous);
        let mut context = PriorContext { schedule: None, conditions: self.conditions, rng: &mut state.rng };
        let sigma = (self.settings.lambda * step).sqrt();
        state.penalty = self.prior.denoise(noisy.view(), sigma, state.x.view_mut(), &mut context)?;

        let difference = &state.x - &state.previous;
        if points_uphill(&state.extrapolated, &state.x, &difference) {
            state.momentum = 1.0;
        }
        let next = (1.0 + (1.0 + 4.0 * state.momentum * state.momentum).sqrt()) / 2.0;
        let weight = ((state.momentum - 1.0) / next) as f32;
        state.momentum = next;
        state.extrapolated.assign(&state.x);
        state.extrapolated.scaled_add(Complex32::from(weight), &difference);

        let change = vector::norm(difference.as_slice().unwrap_or_default());
        let norm = vector::norm(state.x.as_slice().unwrap_or_default());
        if norm.is_nan() || norm > DIVERGED {
            return Ok(Some(StopReason::Breakdown(Breakdown::NotFinite)));
        }
        state.relative_change = if norm > 0.0 { (change / norm) as f32 } else { 0.0 };
        Ok((state.relative_change < self.settings.tolerance).then_some(StopReason::Converged))
    }
}

/// Whether the last move goes against the generalised gradient, which is `extrapolated - x` up to the step.
fn points_uphill(extrapolated: &ArrayD<Complex32>, x: &ArrayD<Complex32>, difference: &ArrayD<Complex32>) -> bool {
    let inner: f64 = extrapolated
        .iter()
        .zip(x)
        .zip(difference)
        .map(|((v, x), d)| {
            let gradient = v - x;
            f64::from(gradient.re * d.re + gradient.im * d.im)
        })
        .sum();
    inner > 0.0
}

impl Solution for FistaState {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.x
    }

    fn relative_change(&self) -> f32 {
        self.relative_change
    }
}
