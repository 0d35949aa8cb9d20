//! Proximal splitting of data, prior and physics: annealed (MRF-DiPh) and un-annealed (ADMM, least squares).

use std::collections::BTreeMap;

use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use super::{ConjugateGradient, Renoising, SplittingSettings, SplittingState};
use crate::{
    Error, ImageShape, Iteration, NoiseSchedule, Observer, Outcome, ParameterMaps, PhysicsProjector, Prior,
    PriorContext, Problem, Result, Rng, ScheduleEntry, StopReason, run, vector,
};

/// Reconstructs by turns: the prior denoises, conjugate gradients fit the data, the projector applies the physics.
///
/// One step, with `rho = mu + gamma`:
///
/// 1. `x_tilde = Prior(x_t, sigma_t)` annealed; `Prior(x_hat + w / mu, sqrt(lambda / mu))` un-annealed
/// 2. `x_hat = argmin_u ||A u - y||^2 + rho ||u - c||^2`, `c = (mu x_tilde - w + gamma z - v) / rho`
/// 3. `z = Projector(x_hat + v / gamma)`
/// 4. `v += gamma (x_hat - z)`
/// 5. annealed: z is noised to the next level, see [`Renoising`]; un-annealed: `w += mu (x_hat - x_tilde)`
///
/// A part that is absent drops out of the sums: without prior and projector, one step is plain least squares, and with a
/// single conjugate-gradient step it is the adjoint image at its best scale (SVD-MRF, McGivney et al. 2014).
/// Annealed after MRF-DiPh (arXiv 2506.23311), un-annealed ADMM (Boyd et al. 2011).
#[derive(Clone)]
pub struct ProximalSplitting<'a> {
    /// Operator and data.
    pub problem: &'a Problem,
    /// Image prior.
    pub prior: Option<&'a dyn Prior>,
    /// Physics in the loop.
    pub projector: Option<&'a dyn PhysicsProjector>,
    /// Noise levels of an annealed run; absent in an un-annealed one.
    pub schedule: Option<&'a NoiseSchedule>,
    /// Condition images for the prior.
    pub conditions: &'a BTreeMap<String, ArrayD<Complex32>>,
    /// Weights and switches.
    pub settings: SplittingSettings,
    /// Seed of all random numbers.
    pub seed: u64,
}

/// Weights of one step.
struct Level {
    entry: Option<ScheduleEntry>,
    /// Share of signal variance that is left after the step; 1 at the end.
    next_abar: f64,
    sigma: f32,
    mu: f32,
    gamma: f32,
}

impl ProximalSplitting<'_> {
    const NAME: &'static str = "proximal splitting";

    /// Runs to the end.
    ///
    /// # Errors
    /// As [`run`].
    pub fn solve(&self, observers: &mut [&mut dyn Observer<SplittingState>]) -> Result<Outcome<SplittingState>> {
        run(self, self.settings.iterations, observers)
    }

    /// One step with the given unit noise (in each of real and imaginary part) instead of fresh one, so that runs can be
    /// compared draw by draw. `noise` is not looked at in un-annealed runs and in the last step.
    ///
    /// # Errors
    /// As [`Iteration::step`].
    pub fn step_with_noise(
        &self,
        state: &mut SplittingState,
        noise: impl FnOnce(&mut SplittingState) -> Result<ArrayD<Complex32>>,
    ) -> Result<Option<StopReason>> {
        let Some(level) = self.level(state.step) else {
            return Ok(Some(StopReason::MaxIterations));
        };
        let previous = state.x_hat.clone();
        self.denoise(state, &level)?;
        let breakdown = self.fit_data(state, &level)?;
        self.project(state, &level)?;
        match level.entry {
            None => state.add_to_prior_dual(level.mu),
            Some(entry) if level.next_abar < 1.0 => {
                let noise = noise(state)?;
                self.renoise(state, &entry, level.next_abar, &noise);
            }
            Some(_) => {
                let clean = self.clean_image(state).clone();
                state.x_t = clean;
            }
        }
        state.step += 1;
        state.relative_change = relative_change(&state.x_hat, &previous);
        let converged = level.entry.is_none() && state.relative_change < self.settings.tolerance;
        Ok(breakdown.or(converged.then_some(StopReason::Converged)))
    }

    /// Unit noise in the real and the imaginary part of every value.
    pub fn draw_noise(&self, rng: &mut Rng) -> ArrayD<Complex32> {
        let mut normal = || StandardNormal.sample(&mut *rng);
        ArrayD::from_shape_simple_fn(self.problem.operator().domain().shape(), || Complex32::new(normal(), normal()))
    }

    /// Weights of a step; `None` after the end of the schedule.
    fn level(&self, step: usize) -> Option<Level> {
        let settings = &self.settings;
        let gamma = |mu: f32| match self.has_physics_dual() {
            false => 0.0,
            true if settings.gamma_fixed => settings.gamma,
            true => settings.gamma * mu,
        };
        let Some(schedule) = self.schedule else {
            let mu = if self.prior.is_some() { settings.penalty } else { 0.0 };
            let sigma = (settings.lambda / settings.penalty).sqrt();
            return Some(Level { entry: None, next_abar: 1.0, sigma, mu, gamma: gamma(mu) });
        };
        let index = schedule.entries.len().checked_sub(step + 1)?;
        let entry = schedule.entries[settings.sigma_level.unwrap_or(index)];
        let next_abar = match (index, settings.sigma_level) {
            (0, _) => 1.0,
            (_, Some(_)) => entry.abar,
            (_, None) => schedule.entries[index - 1].abar,
        };
        let sigma = entry.sigma() as f32;
        let mu = settings.lambda / (sigma * sigma);
        Some(Level { entry: Some(entry), next_abar, sigma, mu, gamma: gamma(mu) })
    }

    fn has_physics_dual(&self) -> bool {
        self.projector.is_some() || self.settings.reference_mode
    }

    /// Step 1.
    fn denoise(&self, state: &mut SplittingState, level: &Level) -> Result<()> {
        let Some(prior) = self.prior else {
            return Ok(());
        };
        let noisy = match level.entry {
            Some(entry) => state.x_t.mapv(|value| value * (1.0 / entry.abar.sqrt()) as f32),
            None => {
                let mut noisy = state.x_hat.clone();
                noisy.scaled_add(Complex32::from(1.0 / level.mu), &state.prior_dual);
                noisy
            }
        };
        let mut context = PriorContext { schedule: level.entry, conditions: self.conditions, rng: &mut state.rng };
        prior.denoise(noisy.view(), level.sigma, state.x_tilde.view_mut(), &mut context)
    }

    /// Step 2. Says why conjugate gradients broke down, if they did.
    fn fit_data(&self, state: &mut SplittingState, level: &Level) -> Result<Option<StopReason>> {
        if !self.settings.proximal {
            state.x_hat.assign(&state.x_tilde);
            return Ok(None);
        }
        let mut right_hand_side = self.problem.adjoint().clone();
        right_hand_side.scaled_add(Complex32::from(level.mu), &state.x_tilde);
        right_hand_side -= &state.prior_dual;
        right_hand_side.scaled_add(Complex32::from(level.gamma), &state.z);
        right_hand_side -= &state.v;
        let outcome = ConjugateGradient {
            operator: self.problem.operator(),
            damping: level.mu + level.gamma,
            right_hand_side: &right_hand_side,
            warm_start: (state.step > 0).then_some(&state.x_hat),
            settings: self.settings.cg,
        }
        .solve()?;
        state.x_hat = outcome.state.solution;
        Ok(matches!(outcome.stop, StopReason::Breakdown(_)).then_some(outcome.stop))
    }

    /// Steps 3 and 4.
    fn project(&self, state: &mut SplittingState, level: &Level) -> Result<()> {
        if let Some(projector) = self.projector {
            let mut shifted = state.x_hat.clone();
            shifted.scaled_add(Complex32::from(1.0 / level.gamma), &state.v);
            projector.project(shifted.view(), state.z.view_mut(), state.maps.as_mut())?;
        }
        if self.has_physics_dual() {
            let SplittingState { x_hat, z, v, .. } = state;
            ndarray::Zip::from(v).and(x_hat).and(z).for_each(|v, x, z| *v += (*x - *z) * level.gamma);
        }
        Ok(())
    }

    /// Step 5 of an annealed run.
    fn renoise(&self, state: &mut SplittingState, entry: &ScheduleEntry, next_abar: f64, noise: &ArrayD<Complex32>) {
        // x_(t-1) is a sum of the clean image, x_t and noise in both ways; only the weights differ.
        let [clean_weight, iterate_weight, noise_weight] = match self.settings.renoising {
            Renoising::Blend => blend_weights(entry.abar, next_abar, self.settings.xi.into()),
            Renoising::DdpmPosterior => posterior_weights(entry.abar, next_abar),
        }
        .map(|weight| weight as f32);
        let clean = if self.projector.is_some() { &state.z } else { &state.x_hat };
        ndarray::Zip::from(&mut state.x_t).and(clean).and(noise).for_each(|x_t, clean, fresh| {
            *x_t = clean * clean_weight + *x_t * iterate_weight + fresh * noise_weight;
        });
    }

    /// The step's image without noise: z where there is a projector.
    fn clean_image<'s>(&self, state: &'s SplittingState) -> &'s ArrayD<Complex32> {
        if self.projector.is_some() { &state.z } else { &state.x_hat }
    }

    fn check(&self) -> Result<()> {
        self.settings.check()?;
        self.settings.check_used(self.schedule.is_some(), self.has_physics_dual())?;
        let fail = |name: &str, expected: &str, got: &dyn std::fmt::Display| {
            Err(Error::parameter(Self::NAME, name, expected, got))
        };
        if !self.settings.proximal && self.prior.is_none() {
            return fail("proximal", "true where there is no prior", &false);
        }
        if let Some(schedule) = self.schedule {
            if self.prior.is_none() {
                return fail("schedule", "a prior to anneal", &"none");
            }
            if schedule.entries.is_empty() {
                return fail("schedule", "at least one step", &0);
            }
            if let Some(entry) = schedule.entries.iter().find(|entry| !(entry.abar > 0.0 && entry.abar < 1.0)) {
                return fail("schedule", "abar between 0 and 1", &entry.abar);
            }
            if let Some(level) = self.settings.sigma_level.filter(|level| *level >= schedule.entries.len()) {
                return fail("sigma_level", &format!("an index below {}", schedule.entries.len()), &level);
            }
        }
        let coefficients = self.problem.operator().domain().axes().first().map_or(0, |axis| axis.len);
        if let Some(projector) = self.projector.filter(|projector| projector.coefficients() != coefficients) {
            return Err(Error::incompatible(
                Self::NAME,
                format!("{} to take {coefficients} coefficients", projector.name()),
                projector.coefficients(),
            ));
        }
        if self.projector.is_some() && self.level(0).is_some_and(|level| level.gamma == 0.0) {
            let expected = "a positive gamma, and gamma_fixed where lambda is 0 or there is no prior";
            return fail("gamma", expected, &self.settings.gamma);
        }
        Ok(())
    }
}

impl Iteration for ProximalSplitting<'_> {
    type State = SplittingState;

    fn start(&self) -> Result<SplittingState> {
        self.check()?;
        let zeros = self.problem.operator().domain().zeros();
        let mut rng = Rng::seed_from_u64(self.seed);
        let x_t = if self.schedule.is_some() { self.draw_noise(&mut rng) } else { zeros.clone() };
        let maps = match self.projector {
            Some(projector) => {
                let (_, image) = ImageShape::split(Self::NAME, zeros.shape())?;
                Some(ParameterMaps::zeros(projector.parameters().to_vec(), &image))
            }
            None => None,
        };
        Ok(SplittingState {
            step: 0,
            x_t,
            x_tilde: zeros.clone(),
            x_hat: zeros.clone(),
            z: zeros.clone(),
            v: zeros.clone(),
            prior_dual: zeros,
            maps,
            relative_change: f32::INFINITY,
            rng,
        })
    }

    fn step(&self, state: &mut SplittingState) -> Result<Option<StopReason>> {
        self.step_with_noise(state, |state| Ok(self.draw_noise(&mut state.rng)))
    }
}

impl SplittingState {
    /// Step 5 of an un-annealed run.
    fn add_to_prior_dual(&mut self, mu: f32) {
        ndarray::Zip::from(&mut self.prior_dual)
            .and(&self.x_hat)
            .and(&self.x_tilde)
            .for_each(|dual, x_hat, x_tilde| *dual += (*x_hat - *x_tilde) * mu);
    }
}

/// Weights of clean image, x_t and fresh noise: `sqrt(abar') z + sqrt(1 - abar') (sqrt(xi) e + sqrt(1 - xi) e_hat)` with
/// the estimated noise `e_hat = (x_t - sqrt(abar) z) / sqrt(1 - abar)`.
fn blend_weights(abar: f64, next_abar: f64, xi: f64) -> [f64; 3] {
    let estimated = ((1.0 - next_abar) * (1.0 - xi) / (1.0 - abar)).sqrt();
    [next_abar.sqrt() - abar.sqrt() * estimated, estimated, ((1.0 - next_abar) * xi).sqrt()]
}

/// The same of `q(x_{t-1} | x_t, x_0)` between two levels of a respaced schedule.
fn posterior_weights(abar: f64, next_abar: f64) -> [f64; 3] {
    let alpha = abar / next_abar;
    let beta = 1.0 - alpha;
    let clean = beta * next_abar.sqrt() / (1.0 - abar);
    let iterate = (1.0 - next_abar) * alpha.sqrt() / (1.0 - abar);
    [clean, iterate, (beta * (1.0 - next_abar) / (1.0 - abar)).sqrt()]
}

fn relative_change(x: &ArrayD<Complex32>, previous: &ArrayD<Complex32>) -> f32 {
    let (x, previous) = (x.as_slice().unwrap_or_default(), previous.as_slice().unwrap_or_default());
    match vector::norm(x) {
        0.0 => 0.0,
        norm => (vector::distance(x, previous) / norm) as f32,
    }
}
