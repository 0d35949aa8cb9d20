//! FISTA as methods name it.

use diph_core::{Fista, FistaSettings, Result};

use super::{PriorUse, Solve, Solved, SolverFacts, SolverInputs, Watch, observer};

/// Its state, the condition, and the result.
const IMAGES: usize = 16;

impl Solve for FistaSettings {
    fn facts(&self) -> SolverFacts {
        SolverFacts { name: "fista", iterations: self.iterations, prior: PriorUse::Needed, images: IMAGES }
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let &SolverInputs { problem, conditions, seed, .. } = inputs;
        let (prior, settings) = (inputs.prior(self)?, self.clone());
        let solver = Fista { problem, prior, settings, conditions, seed };
        Ok(solver.solve(&mut [&mut observer(watch)])?.into())
    }
}
