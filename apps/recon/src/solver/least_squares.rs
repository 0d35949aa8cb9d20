//! Least squares as methods name it.

use diph_core::{LeastSquares, LeastSquaresSettings, Result};

use super::{PriorUse, Solve, Solved, SolverFacts, SolverInputs, Watch, observer};

/// Adjoint, previous image and vectors of conjugate gradients; what is prepared and made of the result as with FISTA.
const IMAGES: usize = 16;

impl Solve for LeastSquaresSettings {
    fn facts(&self) -> SolverFacts {
        SolverFacts { name: "least-squares", iterations: self.iterations, prior: PriorUse::Unused, images: IMAGES }
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let solver = LeastSquares { problem: inputs.problem, settings: *self };
        Ok(solver.solve(&mut [&mut observer(watch)])?.into())
    }
}
