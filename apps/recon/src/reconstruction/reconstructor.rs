//! One measurement, ready for the solver of a method.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use diph_core::{
    Fista, NoiseSchedule, Observer, ParameterMaps, Prior, Problem, Progress, ProximalSplitting, Result, Solution,
    SplittingState, StopReason, View, estimate_intensity,
};
use ndarray::ArrayD;
use num_complex::Complex32;

use super::{Parts, Reconstruction, Step, Stopwatch};
use crate::method::{Intensity, Method, Solver};

/// Under this name too, a prior finds its condition image: the one that the Python code of MRF-DiPh gives it.
const CONDITION: &str = "low_res";

/// Hears of every step and may end the run.
pub type OnStep<'a> = dyn FnMut(&Step<'_>) -> Result<ControlFlow<()>> + 'a;

/// One measurement, ready for the solver: scaled, with its intensity and the condition image of the prior.
pub struct Reconstructor<'a> {
    method: &'a Method,
    parts: &'a Parts,
    problem: Problem,
    conditions: BTreeMap<String, ArrayD<Complex32>>,
    schedule: Option<NoiseSchedule>,
    preparation: Duration,
}

/// Solver-independent result, in units of the intensity.
struct Solved {
    x_hat: ArrayD<Complex32>,
    state: Option<SplittingState>,
    iterations: usize,
    stop: StopReason,
}

impl<'a> Reconstructor<'a> {
    /// Prepares `samples` (coil, frame, sample) for the solver of `method`.
    ///
    /// # Errors
    /// Those of the parts, and of settings that make no sense.
    pub fn new(method: &'a Method, parts: &'a Parts, samples: View<'_>) -> Result<Self> {
        let norm = parts.operator_norm(method.scale)?;
        let begin = Instant::now();
        let intensity = match method.intensity {
            Intensity::Given(value) => value,
            Intensity::Estimated(_) => estimate_intensity(parts.operator(), samples.view())?,
        };
        let problem = Problem::new(parts.operator().clone(), norm, intensity, samples.view())?;
        let schedule = parts.noise_schedule(&method.solver)?;
        let mut conditions = BTreeMap::new();
        if let Some(condition) = method.condition {
            let image = parts.condition(condition, samples, intensity)?;
            conditions.insert(condition.to_string(), image.clone());
            conditions.insert(CONDITION.into(), image);
        }
        Ok(Self { method, parts, problem, conditions, schedule, preparation: begin.elapsed() })
    }

    /// Whether the run anneals noise, so that another seed gives another sample of the posterior.
    pub fn is_annealed(&self) -> bool {
        self.schedule.is_some()
    }

    /// Runs the solver. `on_step` hears of every step and may end the run.
    ///
    /// # Errors
    /// Those of the parts, and of settings that make no sense.
    pub fn run(&self, seed: u64, on_step: &mut OnStep<'_>) -> Result<Reconstruction> {
        let mut watch = Stopwatch::start();
        let intensity = self.problem.intensity();
        let solved = self.solve(seed, &mut |step: &Step<'_>| watch.pause(|| on_step(step)))?;
        let x_hat = solved.x_hat.mapv(|value| value * intensity);
        let (projected, own_maps) = self.parts.project(&x_hat)?;
        let in_loop = solved.state.as_ref().and_then(|state| Some((&state.z, state.maps.as_ref()?)));
        let (tsmi, maps) = match in_loop {
            Some((z, maps)) => (z.mapv(|value| value * intensity), scaled(maps.clone(), intensity)),
            None => (x_hat.clone(), own_maps),
        };
        Ok(Reconstruction {
            tsmi,
            x_hat,
            projected,
            maps,
            state: solved.state,
            iterations: solved.iterations,
            stop: solved.stop,
            intensity,
            preparation: self.preparation,
            elapsed: self.preparation + watch.elapsed(),
        })
    }

    fn solve(&self, seed: u64, on_step: &mut OnStep<'_>) -> Result<Solved> {
        let (problem, conditions) = (&self.problem, &self.conditions);
        match &self.method.solver {
            Solver::ProximalSplitting(settings) => {
                let solver = ProximalSplitting {
                    problem,
                    prior: self.parts.prior(),
                    projector: self.method.physics_in_loop.then_some(self.parts.projector()),
                    schedule: self.schedule.as_ref(),
                    conditions,
                    settings: settings.clone(),
                    seed,
                };
                let outcome = solver.solve(&mut [&mut self.steps(on_step)])?;
                let (x_hat, stop) = (outcome.state.x_hat.clone(), outcome.stop);
                Ok(Solved { x_hat, state: Some(outcome.state), iterations: outcome.iterations, stop })
            }
            Solver::Fista(settings) => {
                let prior = self.required_prior()?;
                let solver = Fista { problem, prior, settings: settings.clone(), conditions, seed };
                let outcome = solver.solve(&mut [&mut self.steps(on_step)])?;
                Ok(Solved { x_hat: outcome.state.x, state: None, iterations: outcome.iterations, stop: outcome.stop })
            }
        }
    }

    /// An observer for any solver.
    fn steps<'o, S: Solution>(&self, on_step: &'o mut OnStep<'_>) -> impl Observer<S> + 'o {
        let intensity = self.problem.intensity();
        move |progress: &Progress<'_, S>| {
            on_step(&Step {
                iteration: progress.iteration,
                max_iterations: progress.max_iterations,
                relative_change: progress.state.relative_change(),
                image: progress.state.image(),
                splitting: progress.state.splitting(),
                intensity,
            })
        }
    }

    fn required_prior(&self) -> Result<&dyn Prior> {
        let fail = |parameter: &str, expected: &str, got: &str| {
            Err(diph_core::Error::parameter(&self.method.name, parameter, expected, got))
        };
        if self.method.physics_in_loop {
            return fail("physics_in_loop", "false with the solver `fista`; use `proximal-splitting`", "true");
        }
        match self.parts.prior() {
            Some(prior) => Ok(prior),
            None => fail("prior", "a prior for the solver `fista`", "none"),
        }
    }
}

fn scaled(mut maps: ParameterMaps, intensity: f32) -> ParameterMaps {
    maps.amplitude.mapv_inplace(|value| value * intensity);
    maps
}
