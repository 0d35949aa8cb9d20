//! Which iteration joins the parts.

use diph_core::{AdmmSettings, AnnealedSettings, FistaSettings, LeastSquaresSettings};
use serde::{Deserialize, Serialize};

/// The iteration and its settings.
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
}

impl Solver {
    /// Its name in method files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LeastSquares(_) => "least-squares",
            Self::Admm(_) => "admm",
            Self::Annealed(_) => "annealed",
            Self::Fista(_) => "fista",
        }
    }

    /// Steps at most.
    pub fn iterations(&self) -> usize {
        match self {
            Self::LeastSquares(settings) => settings.iterations,
            Self::Admm(settings) => settings.iterations,
            Self::Annealed(settings) => settings.iterations,
            Self::Fista(settings) => settings.iterations,
        }
    }
}
