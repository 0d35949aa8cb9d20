//! Annealed splitting as methods name it.

use diph_core::{AnnealedSettings, AnnealedSplitting, Result};

use super::{PriorUse, Solve, Solved, SolverFacts, SolverInputs, Watch, observer};

/// Its state, the vectors of preconditioned conjugate gradients, the condition, and the result.
const IMAGES: usize = 24;

const NO_DATA: &str = "the data take no part in the steps (`solver.annealed.data` is not there)";

impl Solve for AnnealedSettings {
    fn facts(&self) -> SolverFacts {
        SolverFacts { name: "annealed", iterations: self.iterations, prior: PriorUse::Annealed, images: IMAGES }
    }

    fn without_effect(&self) -> Vec<(&'static str, &'static str)> {
        match self.data {
            Some(_) => Vec::new(),
            // Nothing is left but denoising and projecting, in which a common factor of all weights cancels.
            None => vec![("scale", NO_DATA), ("solver.annealed.physics.gamma", NO_DATA)],
        }
    }

    fn annealed(&self) -> Option<&AnnealedSettings> {
        Some(self)
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let &SolverInputs { problem, projector, conditions, seed, .. } = inputs;
        let (prior, schedule, settings) = (inputs.prior(self)?, inputs.schedule(self)?, self.clone());
        let projector = Some(projector);
        let solver = AnnealedSplitting { problem, prior, schedule, projector, conditions, settings, seed };
        Ok(solver.solve(&mut [&mut observer(watch)])?.into())
    }
}
