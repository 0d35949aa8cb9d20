//! Least squares as methods name it.

use diph_core::{LeastSquares, LeastSquaresSettings, Result};

use super::{PriorUse, Solve, Solved, SolverInputs, Watch, observer};

/// Adjoint, previous image and vectors of conjugate gradients; what is prepared and made of the result as with FISTA.
const IMAGES: usize = 16;

impl Solve for LeastSquaresSettings {
    fn name(&self) -> &'static str {
        "least-squares"
    }

    fn iterations(&self) -> usize {
        self.iterations
    }

    fn prior_use(&self) -> PriorUse {
        PriorUse::Unused
    }

    fn images(&self) -> usize {
        IMAGES
    }

    fn solve(&self, inputs: &SolverInputs<'_>, watch: &mut Watch<'_>) -> Result<Solved> {
        let solver = LeastSquares { problem: inputs.problem, settings: *self };
        Ok(solver.solve(&mut [&mut observer(watch)])?.into())
    }
}
