//! Which iteration joins the parts.

use diph_core::{FistaSettings, SplittingSettings};
use serde::{Deserialize, Serialize};

/// The iteration and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Solver {
    /// Annealed or un-annealed proximal splitting; plain least squares without a prior.
    ProximalSplitting(SplittingSettings),
    /// Accelerated proximal gradients.
    Fista(FistaSettings),
}
