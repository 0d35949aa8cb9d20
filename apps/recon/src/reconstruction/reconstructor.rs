//! One measurement, ready for the solver of a method.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use diph_core::{
    Admm, AnnealedSplitting, Error, Fista, LeastSquares, NoiseSchedule, Observer, Outcome, ParameterMaps, Prior,
    Problem, Progress, Result, Solution, StopReason, View, estimate_intensity,
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

/// The end of any solver's run.
struct Solved {
    last: Box<dyn Solution>,
    iterations: usize,
    stop: StopReason,
}

impl<S: Solution + 'static> From<Outcome<S>> for Solved {
    fn from(outcome: Outcome<S>) -> Self {
        let Outcome { state, iterations, stop, .. } = outcome;
        Self { last: Box::new(state), iterations, stop }
    }
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
        let x_hat = solved.last.image().mapv(|value| value * intensity);
        let (projected, own_maps) = self.parts.project(&x_hat)?;
        let in_loop = solved.last.physics().and_then(|physics| Some((&physics.z, physics.maps.as_ref()?)));
        let (tsmi, maps) = match in_loop {
            Some((z, maps)) => (z.mapv(|value| value * intensity), scaled(maps.clone(), intensity)),
            None => (x_hat.clone(), own_maps),
        };
        Ok(Reconstruction {
            tsmi,
            x_hat,
            projected,
            maps,
            physics_in_loop: in_loop.is_some(),
            state: solved.last.annealed().cloned(),
            iterations: solved.iterations,
            stop: solved.stop,
            intensity,
            preparation: self.preparation,
            elapsed: self.preparation + watch.elapsed(),
        })
    }

    fn solve(&self, seed: u64, on_step: &mut OnStep<'_>) -> Result<Solved> {
        let (problem, conditions) = (&self.problem, &self.conditions);
        let projector = Some(self.parts.projector());
        Ok(match &self.method.solver {
            Solver::LeastSquares(settings) => {
                self.no_prior()?;
                let solver = LeastSquares { problem, settings: *settings };
                solver.solve(&mut [&mut self.steps(on_step)])?.into()
            }
            Solver::Admm(settings) => {
                let (prior, settings) = (self.prior()?, settings.clone());
                let solver = Admm { problem, prior, projector, conditions, settings, seed };
                solver.solve(&mut [&mut self.steps(on_step)])?.into()
            }
            Solver::Annealed(settings) => {
                let (prior, schedule, settings) = (self.prior()?, self.schedule()?, settings.clone());
                let solver = AnnealedSplitting { problem, prior, schedule, projector, conditions, settings, seed };
                solver.solve(&mut [&mut self.steps(on_step)])?.into()
            }
            Solver::Fista(settings) => {
                let (prior, settings) = (self.prior()?, settings.clone());
                let solver = Fista { problem, prior, settings, conditions, seed };
                solver.solve(&mut [&mut self.steps(on_step)])?.into()
            }
        })
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
                annealed: progress.state.annealed(),
                intensity,
            })
        }
    }

    fn no_prior(&self) -> Result<()> {
        match self.parts.prior() {
            None => Ok(()),
            Some(prior) => {
                let expected = "none, because the solver `least-squares` uses none";
                Err(Error::parameter(&self.method.name, "prior", expected, prior.name()))
            }
        }
    }

    fn prior(&self) -> Result<&dyn Prior> {
        let expected = || format!("a prior for the solver `{}`", self.method.solver.name());
        self.parts.prior().ok_or_else(|| Error::parameter(&self.method.name, "prior", expected(), "none"))
    }

    fn schedule(&self) -> Result<&NoiseSchedule> {
        let missing = || Error::parameter(&self.method.name, "prior", "a prior with a noise schedule", "none");
        self.schedule.as_ref().ok_or_else(missing)
    }
}

fn scaled(mut maps: ParameterMaps, intensity: f32) -> ParameterMaps {
    maps.amplitude.mapv_inplace(|value| value * intensity);
    maps
}
