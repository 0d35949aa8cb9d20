//! Solvers as methods name them: the registry, and what the rest of this library knows of a solver.
//!
//! Another solver is one file here that implements [`Solve`] for its settings, and one variant of [`Solver`]; nothing else
//! in this library tells solvers apart.

mod admm;
mod annealed;
mod fista;
mod least_squares;
mod posterior_mean;
mod posterior_sampling;

use std::ops::{ControlFlow, Deref};

use diph_core::{
    AdmmSettings, AnnealedSettings, Conditions, Error, FistaSettings, LeastSquaresSettings, NoiseSchedule, Observer,
    Outcome, PhysicsProjector, Prior, Problem, Progress, Result, Solution, StopReason, View,
};
use diph_gaussian::{AnnealedPosteriorSettings, MmseSettings};
use ndarray::ArrayD;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

/// Every solver with its settings, under the name that method files use: `"solver": { "fista": { "lambda": 0.01 } }`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// Conjugate gradients on the data alone.
    LeastSquares(LeastSquaresSettings),
    /// Splitting of data, prior and physics at one noise level.
    Admm(AdmmSettings),
    /// Splitting of data, prior and physics down the noise levels of a diffusion prior.
    Annealed(AnnealedSettings),
    /// Accelerated proximal gradients.
    Fista(FistaSettings),
    /// Posterior mean of a Gaussian prior, in closed form but for a linear system.
    PosteriorMean(MmseSettings),
    /// Samples of the posterior of a denoising prior that knows its covariance.
    PosteriorSampling(AnnealedPosteriorSettings),
}

impl Deref for Solver {
    type Target = dyn Solve;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::LeastSquares(settings) => settings,
            Self::Admm(settings) => settings,
            Self::Annealed(settings) => settings,
            Self::Fista(settings) => settings,
            Self::PosteriorMean(settings) => settings,
            Self::PosteriorSampling(settings) => settings,
        }
    }
}

/// A solver with its settings: what it needs, what it takes, and how it runs.
pub trait Solve {
    /// What is known of it before it runs.
    fn facts(&self) -> SolverFacts;

    /// Whether it draws samples of a posterior, another one for every seed.
    fn draws_samples(&self) -> bool {
        self.facts().prior == PriorUse::Annealed
    }

    /// Whether it knows the mean of the posterior apart from samples: a run for [`Draw::Estimate`] is then that mean and not a
    /// sample.
    fn knows_mean(&self) -> bool {
        false
    }

    /// Whether its estimate is a linear function of the measurement once what it takes from the data itself, such as the noise, is
    /// fixed, so that [`response`](Self::response) answers.
    fn is_linear(&self) -> bool {
        false
    }

    /// What it would find in the noise-free measurement of `image` (coefficient, \[z,\] y, x), under the noise that it found before
    /// and with everything else that it takes from the data taken from those of `inputs`. For an image x that it found, `x -
    /// response(z)` is what it finds in the part of the data that z leaves unexplained.
    ///
    /// # Errors
    /// Those of the parts; [`Error::Incompatible`] of solvers that are not [linear](Self::is_linear).
    fn response(&self, inputs: &SolverInputs<'_>, image: View<'_>, noise: Option<f32>) -> Result<ArrayD<Complex32>> {
        let _ = (inputs, image, noise);
        Err(Error::incompatible(self.facts().name, "a linear solver, such as `posterior-mean`", "one that is not"))
    }

    /// Dotted keys of the method that have no effect with these settings, and why.
    fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// Its settings where it anneals noise, for the log of its steps.
    fn annealed(&self) -> Option<&AnnealedSettings> {
        None
    }

    /// Runs to the end; `watch` sees every step.
    ///
    /// # Errors
    /// Those of the parts and of `watch`, and [`Error::Parameter`] for settings that make no sense or a part that is not
    /// there.
    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved>;
}

/// What is known of a solver before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolverFacts {
    /// Its name in method files and messages.
    pub name: &'static str,
    /// Steps at most.
    pub iterations: usize,
    /// What it does with a prior.
    pub prior: PriorUse,
    /// Images that it holds at a time with those of the result, for the estimate of memory.
    pub images: usize,
}

/// What a solver does with a prior.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriorUse {
    /// It uses none, so that a method that names one is refused.
    Unused,
    /// It needs one.
    Needed,
    /// It needs one with a noise schedule of as many levels as the solver has steps.
    Annealed,
}

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draw {
    /// The solver's best estimate.
    Estimate,
    /// A sample of the posterior, which for most samplers is the same as the estimate.
    Sample,
}

/// What a solver of a method is given: problem, prior, physics, condition images, seed.
pub struct SolverInputs<'a> {
    /// Operator and data.
    pub problem: &'a Problem,
    /// The image prior, where the method has one.
    pub prior: Option<&'a dyn Prior>,
    /// The physics, for solvers that put it into their loop.
    pub projector: &'a dyn PhysicsProjector,
    /// Noise levels of the prior, for solvers that anneal.
    pub schedule: Option<&'a NoiseSchedule>,
    /// Condition images for the prior.
    pub conditions: &'a Conditions<'a>,
    /// Whether the estimate is asked for or a sample.
    pub draw: Draw,
    /// Seed of all random numbers.
    pub seed: u64,
}

impl<'a> SolverInputs<'a> {
    fn prior(&self, solver: &dyn Solve) -> Result<&'a dyn Prior> {
        self.prior.ok_or_else(|| Error::parameter(solver.facts().name, "prior", "a prior", "none"))
    }

    fn schedule(&self, solver: &dyn Solve) -> Result<&'a NoiseSchedule> {
        self.schedule
            .ok_or_else(|| Error::parameter(solver.facts().name, "prior", "a prior with a noise schedule", "none"))
    }
}

/// Sees the state after every step, with the number of finished steps and of those that were asked for, and may end the run.
pub type Watch<'a> = dyn FnMut(usize, usize, &dyn Solution) -> Result<ControlFlow<()>> + 'a;

/// An observer of any solver's state.
fn observer<'w, S: Solution>(watch: &'w mut Watch<'_>) -> impl Observer<S> + 'w {
    move |progress: &Progress<'_, S>| watch(progress.iteration, progress.max_iterations, progress.state)
}

/// What every solver gives back at its end, whatever its state was.
pub struct Solved {
    /// The last state, images in units of the intensity.
    pub last: Box<dyn Solution>,
    /// Finished steps.
    pub iterations: usize,
    /// Why there are no more.
    pub stop: StopReason,
    /// Standard deviation of the noise of a sample, found or given; `None` of solvers that ask for none.
    pub noise: Option<f32>,
}

impl<S: Solution + 'static> From<Outcome<S>> for Solved {
    fn from(outcome: Outcome<S>) -> Self {
        let Outcome { state, iterations, stop, .. } = outcome;
        Self { last: Box::new(state), iterations, stop, noise: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_solver_reads_under_its_own_name() {
        for name in ["least-squares", "admm", "annealed", "fista", "posterior-mean", "posterior-sampling"] {
            let solver: Solver = serde_json::from_str(&format!("{{\"{name}\": {{}}}}")).unwrap();
            let facts = solver.facts();
            assert_eq!(facts.name, name);
            assert!(facts.iterations > 0 && facts.images > 0);
            let written = serde_json::to_value(&solver).unwrap();
            assert_eq!(serde_json::from_value::<Solver>(written).unwrap(), solver);
        }
    }
}
