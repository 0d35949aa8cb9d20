//! Options of the wavelet prior.

use diph_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::WaveletFamily;
use crate::shift::Shift;

/// More levels than the largest image could use.
const MOST_LEVELS: u32 = 16;

/// Options of [`Wavelet`](crate::Wavelet).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WaveletOptions {
    /// Family of wavelets that the image is decomposed in.
    pub family: WaveletFamily,
    /// Levels of the decomposition, 1 to 16. A small image ends with an approximation of one pixel.
    pub levels: u32,
    /// Whether the detail coefficients of all images at one position are thresholded as one vector.
    pub joint: bool,
    /// Where the grid of wavelets starts. `none` makes the prior the proximal map of one R; `random` is cycle spinning
    /// (Coifman and Donoho 1995), which avoids ringing beside edges.
    pub shift: Shift,
}

impl Default for WaveletOptions {
    fn default() -> Self {
        Self { family: WaveletFamily::Db4, levels: 4, joint: true, shift: Shift::Random }
    }
}

impl WaveletOptions {
    pub(super) fn validate(&self) -> Result<()> {
        if (1..=MOST_LEVELS).contains(&self.levels) {
            return Ok(());
        }
        Err(Error::parameter("wavelet: options", "levels", format!("1 to {MOST_LEVELS}"), self.levels))
    }
}
