//! Samples of the posterior of a denoising prior as methods name them.

use diph_core::{Result, run};
use diph_gaussian::{AnnealedPosterior, AnnealedPosteriorSettings};

use super::{PriorUse, Solve, Solved, SolverFacts, SolverInputs, Watch, observer};

/// State, vectors of conjugate gradients, matrices of prior and preconditioner (as five images each), condition and result.
const IMAGES: usize = 36;

impl Solve for AnnealedPosteriorSettings {
    fn facts(&self) -> SolverFacts {
        SolverFacts { name: "posterior-sampling", iterations: self.iterations, prior: PriorUse::Needed, images: IMAGES }
    }

    fn draws_samples(&self) -> bool {
        true
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let &SolverInputs { problem, conditions, seed, .. } = inputs;
        let (operator, samples, prior) = (problem.operator(), problem.samples().view(), inputs.prior(self)?);
        // The noise is given in the units of the measurement.
        let sigma = self.sigma.map(|sigma| sigma / problem.intensity());
        let sampler = AnnealedPosterior::new(operator, samples, prior, conditions, Self { sigma, ..*self }, seed)?;
        Ok(run(&sampler, self.iterations, &mut [&mut observer(watch)])?.into())
    }
}
