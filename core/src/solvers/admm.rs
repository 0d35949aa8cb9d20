//! The alternating direction method of multipliers.

use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;
use serde::{Deserialize, Serialize};

use super::solution::relative_change;
use super::splitting_steps::{DataStep, Pull};
use super::{CgSettings, PhysicsState, Problem, Solution};
use crate::{
    Conditions, Error, Iteration, Observer, Outcome, PhysicsProjector, Prior, PriorContext, Result, Rng, StopReason,
    run,
};

const NAME: &str = "admm";

/// ADMM (Boyd et al. 2011) for `min 1/2 ||A x - y||^2 + lambda R(x)`, on request with every voxel on the cone of physical
/// signals. With a denoiser in place of a proximal map it is plug-and-play (Venkatakrishnan et al. 2013).
///
/// One step, with `mu` the penalty and `rho = mu + gamma`:
///
/// 1. `x_tilde = Prior(x_hat + w / mu, sqrt(lambda / mu))`
/// 2. `x_hat = argmin_u 1/2 ||A u - y||^2 + rho/2 ||u - c||^2`, `c = (mu x_tilde - w + gamma z - v) / rho`
/// 3. `z = Projector(x_hat + v / gamma)` and `v += gamma (x_hat - z)`
/// 4. `w += mu (x_hat - x_tilde)`
///
/// Without the physics, step 3 and its terms in step 2 drop out.
#[derive(Clone)]
pub struct Admm<'a> {
    /// Operator and data that the image is to explain.
    pub problem: &'a Problem,
    /// Proximal map of R, or a denoiser.
    pub prior: &'a dyn Prior,
    /// Needed where the settings put the physics into the loop, otherwise not looked at.
    pub projector: Option<&'a dyn PhysicsProjector>,
    /// Condition images for the prior.
    pub conditions: &'a Conditions<'a>,
    /// Weights of prior and physics, and when to stop.
    pub settings: AdmmSettings,
    /// Seed of the generator that the prior may draw from.
    pub seed: u64,
}

/// Weights, steps and stopping of [`Admm`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdmmSettings {
    /// Number of steps at most.
    pub iterations: usize,
    /// Regularisation weight `lambda` of the prior.
    pub lambda: f32,
    /// Pull `mu` towards the prior's image, which is made at the noise level `sigma = sqrt(lambda / mu)`. The solution of a
    /// convex problem does not depend on it, only the number of steps; with a denoiser it sets the noise level.
    pub penalty: f32,
    /// Pull towards the projector's image; leaves the physics out of the loop when absent.
    pub gamma: Option<f32>,
    /// Conjugate gradients of the data step.
    pub cg: CgSettings,
    /// Ends a run when an iterate changes by less than this share of its norm; 0 never does.
    pub tolerance: f32,
}

impl Default for AdmmSettings {
    fn default() -> Self {
        Self { iterations: 80, lambda: 1e-2, penalty: 1.0, gamma: None, cg: CgSettings::default(), tolerance: 0.0 }
    }
}

impl AdmmSettings {
    /// Fails on numbers outside of their range.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        self.cg.check()?;
        if self.iterations == 0 {
            return Err(Error::parameter(NAME, "iterations", "at least 1", 0));
        }
        for (name, value) in [("lambda", self.lambda), ("tolerance", self.tolerance)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::parameter(NAME, name, "a number of at least 0", value));
            }
        }
        for (name, value) in [("penalty", Some(self.penalty)), ("gamma", self.gamma)] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
                return Err(Error::parameter(NAME, name, "a positive number", value));
            }
        }
        Ok(())
    }
}

/// State of [`Admm`]. Images are those of the operator's domain, in units of the problem's
/// intensity.
#[derive(Clone, Debug)]
pub struct AdmmState {
    /// Number of finished steps.
    pub step: usize,
    /// The image that the prior made in this step.
    pub x_tilde: ArrayD<Complex32>,
    /// The image that fits the data.
    pub x_hat: ArrayD<Complex32>,
    /// Dual variable `w` of `x_hat = x_tilde`.
    pub prior_dual: ArrayD<Complex32>,
    /// The physics, where it is in the loop.
    pub physics: Option<PhysicsState>,
    /// `R(x_tilde)`, where the prior tells it.
    pub penalty: Option<f64>,
    /// `||x_hat - previous x_hat|| / ||x_hat||`.
    pub relative_change: f32,
    rng: Rng,
}

impl Admm<'_> {
    /// Runs the solver until it converges, breaks down, is cancelled or has done all its steps.
    ///
    /// # Errors
    /// As [`run`].
    pub fn solve(&self, observers: &mut [&mut dyn Observer<AdmmState>]) -> Result<Outcome<AdmmState>> {
        run(self, self.settings.iterations, observers)
    }

    /// `1/2 ||A x - y||^2 + lambda R(x)` of the prior's image `x_tilde`, the one that R is known of; `None` where the prior
    /// is no proximal map. Applies the operator once.
    ///
    /// # Errors
    /// Those of the operator.
    pub fn objective(&self, state: &AdmmState) -> Result<Option<f64>> {
        let Some(penalty) = state.penalty else { return Ok(None) };
        Ok(Some(self.problem.misfit(state.x_tilde.view())? + f64::from(self.settings.lambda) * penalty))
    }

    fn denoise(&self, state: &mut AdmmState) -> Result<()> {
        let AdmmSettings { lambda, penalty, .. } = self.settings;
        let mut noisy = state.x_hat.clone();
        noisy.scaled_add(Complex32::from(1.0 / penalty), &state.prior_dual);
        let mut context = PriorContext { schedule: None, conditions: self.conditions, rng: &mut state.rng };
        let sigma = (lambda / penalty).sqrt();
        state.penalty = self.prior.denoise(noisy.view(), sigma, state.x_tilde.view_mut(), &mut context)?;
        Ok(())
    }

    fn fit_data(&self, state: &mut AdmmState) -> Result<Option<StopReason>> {
        let AdmmSettings { penalty, gamma, cg, .. } = self.settings;
        let mut pulls = vec![Pull { weight: penalty, image: &state.x_tilde, dual: Some(&state.prior_dual) }];
        if let (Some(physics), Some(gamma)) = (&state.physics, gamma) {
            pulls.push(Pull { weight: gamma, image: &physics.z, dual: Some(&physics.v) });
        }
        DataStep { problem: self.problem, cg }.solve(&pulls, &mut state.x_hat, state.step > 0)
    }
}

impl Iteration for Admm<'_> {
    type State = AdmmState;

    fn start(&self) -> Result<AdmmState> {
        self.settings.check()?;
        let domain = self.problem.operator().domain();
        let physics = self.settings.gamma.map(|_| PhysicsState::start(NAME, self.projector, domain)).transpose()?;
        Ok(AdmmState {
            step: 0,
            x_tilde: domain.zeros(),
            x_hat: domain.zeros(),
            prior_dual: domain.zeros(),
            physics,
            penalty: None,
            relative_change: f32::INFINITY,
            rng: Rng::seed_from_u64(self.seed),
        })
    }

    fn step(&self, state: &mut AdmmState) -> Result<Option<StopReason>> {
        let previous = state.x_hat.clone();
        self.denoise(state)?;
        let breakdown = self.fit_data(state)?;
        if let (Some(physics), Some(gamma)) = (&mut state.physics, self.settings.gamma) {
            physics.update(self.projector, gamma, &state.x_hat)?;
        }
        let mu = self.settings.penalty;
        ndarray::Zip::from(&mut state.prior_dual)
            .and(&state.x_hat)
            .and(&state.x_tilde)
            .for_each(|dual, x_hat, x_tilde| *dual += (*x_hat - *x_tilde) * mu);
        state.step += 1;
        state.relative_change = relative_change(&state.x_hat, &previous);
        let converged = state.relative_change < self.settings.tolerance;
        Ok(breakdown.or(converged.then_some(StopReason::Converged)))
    }
}

impl Solution for AdmmState {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.x_hat
    }

    fn relative_change(&self) -> f32 {
        self.relative_change
    }

    fn physics(&self) -> Option<&PhysicsState> {
        self.physics.as_ref()
    }
}
