//! The factor in front of a Fourier transform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The factor in front of the Fourier sum over an image of H x W pixels, in forward and adjoint alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FourierScale {
    /// `1 / sqrt(H W)`: unitary for a full Cartesian grid.
    #[default]
    Unitary,
    /// `1 / (2 sqrt(H W))`: unitary on a grid of twice the size, the convention of the Python MRF-DiPh code.
    TwiceOversampled,
}

impl FourierScale {
    /// The factor for an image of `height` x `width` pixels.
    pub fn factor(self, height: usize, width: usize) -> f64 {
        let unitary = 1.0 / ((height * width) as f64).sqrt();
        match self {
            Self::Unitary => unitary,
            Self::TwiceOversampled => 0.5 * unitary,
        }
    }
}
