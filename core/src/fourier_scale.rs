//! The factor in front of a Fourier transform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ImageShape;

/// The factor in front of the Fourier sum over an image of N pixels, in forward and adjoint alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FourierScale {
    /// `1 / sqrt(N)`: unitary for a full Cartesian grid.
    #[default]
    Unitary,
    /// `1 / sqrt(2^d N)` for d spatial axes: unitary on a grid of twice the size along each, the convention of the Python
    /// MRF-DiPh code; `1 / (2 sqrt(N))` for a plane.
    TwiceOversampled,
}

impl FourierScale {
    /// The factor for an image of these lengths.
    pub fn factor(self, image: &ImageShape) -> f64 {
        let unitary = 1.0 / (image.pixels() as f64).sqrt();
        match self {
            Self::Unitary => unitary,
            Self::TwiceOversampled if image.is_volume() => 0.125f64.sqrt() * unitary,
            Self::TwiceOversampled => 0.5 * unitary,
        }
    }
}
