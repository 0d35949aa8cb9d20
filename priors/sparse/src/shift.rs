//! Where a grid of blocks or wavelets starts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the grid of a prior that is not shift invariant starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// At the first pixel, always: the prior is the proximal map of one fixed R.
    None,
    /// At a pixel drawn from the context's generator in every call (cycle spinning): over the iterations of a solver
    /// the edges of the grid average out.
    #[default]
    Random,
}
