//! FISTA as methods name it.

use diph_core::{Fista, FistaSettings, Result};

use super::{PriorUse, Solve, Solved, SolverInputs, Watch, observer};

/// Its state, the condition, and the result.
const IMAGES: usize = 16;

impl Solve for FistaSettings {
    fn name(&self) -> &'static str {
        "fista"
    }

    fn iterations(&self) -> usize {
        self.iterations
    }

    fn prior_use(&self) -> PriorUse {
        PriorUse::Needed
    }

    fn images(&self) -> usize {
        IMAGES
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let &SolverInputs { problem, conditions, seed, .. } = inputs;
        let (prior, settings) = (inputs.prior(self)?, self.clone());
        let solver = Fista { problem, prior, settings, conditions, seed };
        Ok(solver.solve(&mut [&mut observer(watch)])?.into())
    }
}
