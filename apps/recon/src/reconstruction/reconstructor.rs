//! One measurement, ready for the solver of a method.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use diph_core::{Conditions, NoiseSchedule, ParameterMaps, Problem, Result, Solution, View};
use ndarray::ArrayD;
use num_complex::Complex32;

use super::{Parts, Reconstruction, Step, Stopwatch};
use crate::method::{Intensity, Method};
use crate::solver::{Draw, Solved, SolverInputs};
use crate::{Blame, ConditionImage, ReconError};

/// Under this name too, a prior finds its condition image: the one that the Python code of MRF-DiPh gives it.
const CONDITION: &str = "low_res";

/// Hears of every step and may end the run.
pub type OnStep<'a> = dyn FnMut(&Step<'_>) -> Result<ControlFlow<()>> + 'a;

/// One measurement, ready for the solver: scaled, with its intensity and the condition image of the prior.
pub struct Reconstructor<'a> {
    method: &'a Method,
    parts: &'a Parts,
    problem: Problem,
    condition: Option<(&'a ConditionImage, ArrayD<Complex32>)>,
    schedule: Option<NoiseSchedule>,
    preparation: Duration,
}

impl<'a> Reconstructor<'a> {
    /// Prepares `samples` (coil, frame, sample) for the solver of `method`.
    ///
    /// # Errors
    /// Those of the parts, and of settings that make no sense.
    pub fn new(method: &'a Method, parts: &'a Parts, samples: View<'_>) -> Result<Self> {
        let norm = parts.operator_norm(method.scale)?;
        let begin = Instant::now();
        let measured = Problem::unscaled(parts.operator().clone(), samples.view())?;
        let intensity = match method.intensity {
            Intensity::Given(value) => value,
            Intensity::Estimated(_) => measured.estimate_intensity()?,
        };
        let condition = match &method.condition {
            None => None,
            Some(name) => {
                let mut image = parts.condition(name, &measured, samples)?;
                image.mapv_inplace(|value| value / intensity);
                Some((name, image))
            }
        };
        let problem = measured.scaled(norm, intensity)?;
        let schedule = parts.noise_schedule(&*method.solver)?;
        Ok(Self { method, parts, problem, condition, schedule, preparation: begin.elapsed() })
    }

    /// Whether the run anneals noise, so that another seed gives another sample of the posterior.
    pub fn is_annealed(&self) -> bool {
        self.schedule.is_some()
    }

    /// Runs the solver for its estimate. `on_step` hears of every step and may end the run.
    ///
    /// # Errors
    /// Those of the parts, and of settings that make no sense.
    pub fn run(&self, seed: u64, on_step: &mut OnStep<'_>) -> Result<Reconstruction> {
        self.run_for(Draw::Estimate, seed, on_step)
    }

    /// Runs the solver for a sample of the posterior, where it [draws any](crate::solver::Solve::draws_samples).
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn sample(&self, seed: u64, on_step: &mut OnStep<'_>) -> Result<Reconstruction> {
        self.run_for(Draw::Sample, seed, on_step)
    }

    fn run_for(&self, draw: Draw, seed: u64, on_step: &mut OnStep<'_>) -> Result<Reconstruction> {
        let mut watch = Stopwatch::start();
        let intensity = self.problem.intensity();
        let solved = self.solve(draw, seed, &mut |step: &Step<'_>| watch.pause(|| on_step(step)))?;
        let x_hat = solved.last.image().mapv(|value| value * intensity);
        let (projected, own_maps) = self.parts.project(&x_hat)?;
        let in_loop = solved.last.physics().and_then(|physics| Some((&physics.z, physics.maps.as_ref()?)));
        let (tsmi, maps) = match in_loop {
            Some((z, maps)) => (z.mapv(|value| value * intensity), scaled(maps.clone(), intensity)),
            None => (x_hat.clone(), self.estimate(&x_hat, solved.noise)?.unwrap_or(own_maps)),
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

    /// The maps of an image that the solver found, in the units of the measurement, by the method's estimators; `None` where it has
    /// none.
    fn estimate(&self, x_hat: &ArrayD<Complex32>, noise: Option<f32>) -> Result<Option<ParameterMaps>> {
        let first = match self.parts.estimate(x_hat)? {
            Some(first) if self.parts.has_refinement() => first,
            maps => return Ok(maps),
        };
        let intensity = self.problem.intensity();
        let signal = self.parts.signal(&first)?.mapv_into(|value| value / intensity);
        let conditions = self.conditions();
        let inputs = self.inputs(&conditions, Draw::Estimate, 0);
        let mut residual = self.method.solver.response(&inputs, signal.view(), noise)?;
        residual.zip_mut_with(x_hat, |value, image| *value = image - *value * intensity);
        self.parts.refine(x_hat, &residual)
    }

    fn conditions(&self) -> Conditions<'_> {
        match &self.condition {
            None => Conditions::new(),
            Some((name, image)) => [name.to_string(), CONDITION.into()].map(|name| (name, image.view())).into(),
        }
    }

    fn inputs<'s>(&'s self, conditions: &'s Conditions<'s>, draw: Draw, seed: u64) -> SolverInputs<'s> {
        SolverInputs {
            problem: &self.problem,
            prior: self.parts.prior(),
            projector: self.parts.projector(),
            schedule: self.schedule.as_ref(),
            conditions,
            draw,
            seed,
        }
    }

    fn solve(&self, draw: Draw, seed: u64, on_step: &mut OnStep<'_>) -> Result<Solved> {
        let conditions = self.conditions();
        let inputs = self.inputs(&conditions, draw, seed);
        let intensity = self.problem.intensity();
        self.method.solver.solve(&inputs, &mut |iteration, max_iterations, state: &dyn Solution| {
            on_step(&Step {
                iteration,
                max_iterations,
                relative_change: state.relative_change(),
                image: state.image(),
                annealed: state.annealed(),
                intensity,
            })
        })
    }
}

/// Reconstructs one measurement from start to end: `samples` (coil, frame, sample) by `method` with `parts`.
///
/// # Errors
/// [`ReconError::Failed`] naming the method, when a part fails or a setting makes no sense to it.
pub fn reconstruct(
    method: &Method,
    parts: &Parts,
    samples: View<'_>,
    seed: u64,
) -> std::result::Result<Reconstruction, ReconError> {
    let reconstruction = Reconstructor::new(method, parts, samples)
        .and_then(|reconstructor| reconstructor.run(seed, &mut |_| Ok(ControlFlow::Continue(()))));
    reconstruction.step(&method.name)
}

fn scaled(mut maps: ParameterMaps, intensity: f32) -> ParameterMaps {
    maps.amplitude.mapv_inplace(|value| value * intensity);
    maps
}
