//! ADMM as methods name it.

use diph_core::{Admm, AdmmSettings, Result};

use super::{PriorUse, Solve, Solved, SolverFacts, SolverInputs, Watch, observer};

/// Its state, the vectors of preconditioned conjugate gradients, the condition, and the result.
const IMAGES: usize = 24;

impl Solve for AdmmSettings {
    fn facts(&self) -> SolverFacts {
        SolverFacts { name: "admm", iterations: self.iterations, prior: PriorUse::Needed, images: IMAGES }
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let &SolverInputs { problem, projector, conditions, seed, .. } = inputs;
        let (prior, settings) = (inputs.prior(self)?, self.clone());
        let solver = Admm { problem, prior, projector: Some(projector), conditions, settings, seed };
        Ok(solver.solve(&mut [&mut observer(watch)])?.into())
    }
}
