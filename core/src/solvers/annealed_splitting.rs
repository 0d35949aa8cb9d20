//! Annealed splitting: data, physics and a prior whose noise level falls from step to step.

use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use super::solution::relative_change;
use super::splitting_steps::{DataStep, Pull};
use super::{CgSettings, PhysicsState, Problem, Renoising, Solution};
use crate::{
    Conditions, Error, Iteration, NoiseSchedule, Observer, Outcome, PhysicsProjector, Prior, PriorContext, Result, Rng,
    ScheduleEntry, StopReason, run,
};

const NAME: &str = "annealed splitting";

/// The loop of MRF-DiPh (Mayo et al. 2025, arXiv 2506.23311): from pure noise down the noise schedule of a diffusion prior,
/// with the data and the physics in every step.
///
/// One step, with `mu_t = lambda / sigma_t^2` and `rho = mu_t + gamma_t`:
///
/// 1. `x_tilde = Prior(x_t, sigma_t)`
/// 2. `x_hat = argmin_u 1/2 ||A u - y||^2 + rho/2 ||u - c||^2`, `c = (mu_t x_tilde + gamma_t z - v) / rho`
/// 3. `z = Projector(x_hat + v / gamma_t)`
/// 4. `v += gamma_t (x_hat - z)`
/// 5. `x_(t-1)` is `z` with the noise of the next level, see [`Renoising`]; the last step adds none
///
/// Without the data `x_hat = x_tilde`, and without the physics `x_hat` takes the place of `z`: what is left without both is
/// a sample of the diffusion model (DDPM, Ho et al. 2020; DDIM, Song et al. 2021).
#[derive(Clone)]
pub struct AnnealedSplitting<'a> {
    /// Operator and data that the image is to explain.
    pub problem: &'a Problem,
    /// Prior that knows the noise levels of the schedule.
    pub prior: &'a dyn Prior,
    /// Noise levels, one for each step.
    pub schedule: &'a NoiseSchedule,
    /// Needed where the settings put the physics into the loop, otherwise not looked at.
    pub projector: Option<&'a dyn PhysicsProjector>,
    /// Condition images for the prior.
    pub conditions: &'a Conditions<'a>,
    /// Which steps are done, and their weights.
    pub settings: AnnealedSettings,
    /// Seed of all random numbers.
    pub seed: u64,
}

/// Settings of [`AnnealedSplitting`]. The names are those of MRF-DiPh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnnealedSettings {
    /// Steps: the levels that the prior's noise schedule is asked for.
    pub iterations: usize,
    /// The data step; the prior's image takes its place when absent.
    pub data: Option<DataSettings>,
    /// The physics in the loop; absent, the data's image takes the projector's place.
    pub physics: Option<PhysicsSettings>,
    /// How a step returns to noise.
    pub renoising: Renoising,
}

/// The data step of [`AnnealedSplitting`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// Regularisation weight: the prior's pull is `mu_t = lambda / sigma_t^2`.
    pub lambda: f32,
    /// Conjugate gradients, for operators without a regularised inverse.
    #[serde(default)]
    pub cg: CgSettings,
}

/// The physics in the loop of [`AnnealedSplitting`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhysicsSettings {
    /// Pull towards the projector's image, as a share of `mu_t` unless `gamma_fixed`.
    pub gamma: f32,
    /// Takes `gamma` as it is instead of as a share of `mu_t`.
    #[serde(default)]
    pub gamma_fixed: bool,
    /// Leaves the projector out but keeps its dual running with `z = 0`, as the authors' Python code does without matching.
    /// For comparison with it only.
    #[serde(default)]
    pub dual_only: bool,
}

impl Default for AnnealedSettings {
    fn default() -> Self {
        Self { iterations: 30, data: None, physics: None, renoising: Renoising::default() }
    }
}

impl AnnealedSettings {
    /// Fails on numbers outside of their range.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        if self.iterations == 0 {
            return Err(Error::parameter(NAME, "iterations", "at least 1", 0));
        }
        self.renoising.check(NAME, self.iterations)?;
        let lambda = self.data.map(|data| data.lambda);
        for (name, value) in [("lambda", lambda), ("gamma", self.physics.map(|physics| physics.gamma))] {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(Error::parameter(NAME, name, "a number of at least 0", value));
            }
        }
        if let Some(data) = self.data {
            data.cg.check()?;
        }
        match self.physics {
            Some(physics) if !physics.dual_only && self.gamma(1.0) == Some(0.0) => {
                let expected = "a positive gamma, and gamma_fixed where lambda is 0";
                Err(Error::parameter(NAME, "gamma", expected, physics.gamma))
            }
            _ => Ok(()),
        }
    }

    /// Pull towards the prior's image at a noise level. Without data nothing is left but denoising and projecting, in which a
    /// common factor of all weights cancels; so it is 1.
    fn mu(&self, sigma: f32) -> f32 {
        self.data.map_or(1.0, |data| data.lambda) / (sigma * sigma)
    }

    /// Pull towards the projector's image at a noise level; `None` where the physics is not in the loop.
    pub fn gamma(&self, sigma: f32) -> Option<f32> {
        let PhysicsSettings { gamma, gamma_fixed, .. } = self.physics?;
        Some(if gamma_fixed { gamma } else { gamma * self.mu(sigma) })
    }
}

/// State of [`AnnealedSplitting`]. Images are those of the operator's domain, in units of the problem's
/// intensity.
#[derive(Clone, Debug)]
pub struct AnnealedState {
    /// Number of finished steps.
    pub step: usize,
    /// Noisy iterate; the result after the last step.
    pub x_t: ArrayD<Complex32>,
    /// The image that the prior made in this step.
    pub x_tilde: ArrayD<Complex32>,
    /// The image that fits the data.
    pub x_hat: ArrayD<Complex32>,
    /// The physics, where it is in the loop.
    pub physics: Option<PhysicsState>,
    /// `||x_hat - previous x_hat|| / ||x_hat||`.
    pub relative_change: f32,
    /// Generator of all random numbers of the run.
    pub rng: Rng,
}

/// Noise level and weights of one step.
struct Level {
    entry: ScheduleEntry,
    /// Share of signal variance that is left after the step; 1 at the end.
    next_abar: f64,
    sigma: f32,
}

impl AnnealedSplitting<'_> {
    /// Runs the solver until it converges, breaks down, is cancelled or has done all its steps.
    ///
    /// # Errors
    /// As [`run`].
    pub fn solve(&self, observers: &mut [&mut dyn Observer<AnnealedState>]) -> Result<Outcome<AnnealedState>> {
        run(self, self.settings.iterations, observers)
    }

    /// One step with the given unit noise (in each of real and imaginary part) instead of fresh one, so that runs can be
    /// compared draw by draw. `noise` is not called in the last step.
    ///
    /// # Errors
    /// As [`Iteration::step`].
    pub fn step_with_noise(
        &self,
        state: &mut AnnealedState,
        noise: impl FnOnce(&mut AnnealedState) -> Result<ArrayD<Complex32>>,
    ) -> Result<Option<StopReason>> {
        let Some(level) = self.level(state.step) else {
            return Ok(Some(StopReason::MaxIterations));
        };
        let previous = state.x_hat.clone();
        self.denoise(state, &level)?;
        let breakdown = self.fit_data(state, &level)?;
        if let (Some(physics), Some(gamma)) = (&mut state.physics, self.settings.gamma(level.sigma)) {
            physics.update(self.projector_in_loop(), gamma, &state.x_hat)?;
        }
        if level.next_abar < 1.0 {
            let noise = noise(state)?;
            let abars = [level.entry.abar, level.next_abar];
            let AnnealedState { x_t, x_hat, physics, .. } = state;
            self.settings.renoising.apply(abars, x_t, clean(x_hat, physics.as_ref(), self.has_projector()), &noise);
        } else {
            state.x_t = clean(&state.x_hat, state.physics.as_ref(), self.has_projector()).clone();
        }
        state.step += 1;
        state.relative_change = relative_change(&state.x_hat, &previous);
        Ok(breakdown)
    }

    /// Unit noise in the real and the imaginary part of every value.
    pub fn draw_noise(&self, rng: &mut Rng) -> ArrayD<Complex32> {
        let mut normal = || StandardNormal.sample(&mut *rng);
        ArrayD::from_shape_simple_fn(self.problem.operator().domain().shape(), || Complex32::new(normal(), normal()))
    }

    /// `None` after the end of the schedule.
    fn level(&self, step: usize) -> Option<Level> {
        let entries = &self.schedule.entries;
        let index = entries.len().checked_sub(step + 1)?;
        let fixed = self.settings.renoising.fixed_level();
        let entry = entries[fixed.unwrap_or(index)];
        let next_abar = match (index, fixed) {
            (0, _) => 1.0,
            (_, Some(_)) => entry.abar,
            (_, None) => entries[index - 1].abar,
        };
        Some(Level { entry, next_abar, sigma: entry.sigma() as f32 })
    }

    fn has_projector(&self) -> bool {
        self.settings.physics.is_some_and(|physics| !physics.dual_only)
    }

    fn projector_in_loop(&self) -> Option<&dyn PhysicsProjector> {
        self.projector.filter(|_| self.has_projector())
    }

    /// Step 1.
    fn denoise(&self, state: &mut AnnealedState, level: &Level) -> Result<()> {
        let noisy = state.x_t.mapv(|value| value * (1.0 / level.entry.abar.sqrt()) as f32);
        let schedule = Some(level.entry);
        let mut context = PriorContext { schedule, conditions: self.conditions, rng: &mut state.rng };
        self.prior.denoise(noisy.view(), level.sigma, state.x_tilde.view_mut(), &mut context)?;
        Ok(())
    }

    /// Step 2. Says why conjugate gradients broke down, if they did.
    fn fit_data(&self, state: &mut AnnealedState, level: &Level) -> Result<Option<StopReason>> {
        let Some(DataSettings { cg, .. }) = self.settings.data else {
            state.x_hat.assign(&state.x_tilde);
            return Ok(None);
        };
        let mut pulls = vec![Pull { weight: self.settings.mu(level.sigma), image: &state.x_tilde, dual: None }];
        if let (Some(physics), Some(weight)) = (&state.physics, self.settings.gamma(level.sigma)) {
            pulls.push(Pull { weight, image: &physics.z, dual: Some(&physics.v) });
        }
        DataStep { problem: self.problem, cg }.solve(&pulls, &mut state.x_hat, state.step > 0)
    }

    fn check(&self) -> Result<()> {
        self.settings.check()?;
        let fail =
            |name: &str, expected: &str, got: &dyn std::fmt::Display| Err(Error::parameter(NAME, name, expected, got));
        let levels = self.schedule.entries.len();
        if levels != self.settings.iterations {
            return fail(
                "iterations",
                &format!("{levels}, the length of the noise schedule"),
                &self.settings.iterations,
            );
        }
        if let Some(entry) = self.schedule.entries.iter().find(|entry| !(entry.abar > 0.0 && entry.abar < 1.0)) {
            return fail("schedule", "abar between 0 and 1", &entry.abar);
        }
        Ok(())
    }
}

/// The image of a step without noise: z where there is a projector.
fn clean<'s>(
    x_hat: &'s ArrayD<Complex32>,
    physics: Option<&'s PhysicsState>,
    has_projector: bool,
) -> &'s ArrayD<Complex32> {
    physics.filter(|_| has_projector).map_or(x_hat, |physics| &physics.z)
}

impl Iteration for AnnealedSplitting<'_> {
    type State = AnnealedState;

    fn start(&self) -> Result<AnnealedState> {
        self.check()?;
        let domain = self.problem.operator().domain();
        let physics = match self.settings.physics {
            None => None,
            Some(physics) if physics.dual_only => Some(PhysicsState::without_projector(domain)),
            Some(_) => Some(PhysicsState::start(NAME, self.projector, domain)?),
        };
        let mut rng = Rng::seed_from_u64(self.seed);
        let x_t = self.draw_noise(&mut rng);
        Ok(AnnealedState {
            step: 0,
            x_t,
            x_tilde: domain.zeros(),
            x_hat: domain.zeros(),
            physics,
            relative_change: f32::INFINITY,
            rng,
        })
    }

    fn step(&self, state: &mut AnnealedState) -> Result<Option<StopReason>> {
        self.step_with_noise(state, |state| Ok(self.draw_noise(&mut state.rng)))
    }
}

impl Solution for AnnealedState {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.x_hat
    }

    fn relative_change(&self) -> f32 {
        self.relative_change
    }

    fn physics(&self) -> Option<&PhysicsState> {
        self.physics.as_ref()
    }

    fn annealed(&self) -> Option<&AnnealedState> {
        Some(self)
    }
}
