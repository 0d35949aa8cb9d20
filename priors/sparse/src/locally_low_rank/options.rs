//! Options of locally low rank.

use diph_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shift::Shift;

/// Options of [`LocallyLowRank`](crate::LocallyLowRank).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LocallyLowRankOptions {
    /// Side of the square blocks in pixels, at least 1. A block should have more pixels than there are coefficients.
    pub block: usize,
    /// Where the grid of blocks starts. `none` makes the prior the proximal map of one R; `random` hides the edges of
    /// the blocks.
    pub shift: Shift,
}

impl Default for LocallyLowRankOptions {
    fn default() -> Self {
        Self { block: 8, shift: Shift::Random }
    }
}

impl LocallyLowRankOptions {
    pub(super) fn validate(&self) -> Result<()> {
        if self.block > 0 {
            return Ok(());
        }
        Err(Error::parameter("locally-low-rank: options", "block", "at least 1 pixel", self.block))
    }
}
