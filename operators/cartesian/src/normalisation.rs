//! The scale of the transform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The factor in front of the Fourier sum over an image of H x W pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Normalisation {
    /// `1 / sqrt(H W)`: the full transform keeps the norm.
    #[default]
    Unitary,
    /// `1 / (2 sqrt(H W))`: that of a unitary transform on a grid of twice the size, as the MRF-DiPh Python code has it.
    TwiceOversampled,
}

impl Normalisation {
    /// The factor for an image of `height` x `width` pixels.
    pub fn scale(self, height: usize, width: usize) -> f64 {
        let unitary = 1.0 / ((height * width) as f64).sqrt();
        match self {
            Self::Unitary => unitary,
            Self::TwiceOversampled => 0.5 * unitary,
        }
    }
}
