//! The factor in front of the transform.

use serde::{Deserialize, Serialize};

/// The factor in front of forward and adjoint of an image of H x W pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// `1 / sqrt(H W)`: unitary for a full Cartesian grid.
    #[default]
    Unitary,
    /// `1 / (2 sqrt(H W))`: unitary on a twice oversampled grid, the convention of the Python MRF-DiPh code.
    TwiceOversampled,
}

impl Normalisation {
    /// The factor.
    pub fn factor(self, height: usize, width: usize) -> f64 {
        let unitary = 1.0 / ((height * width) as f64).sqrt();
        match self {
            Self::Unitary => unitary,
            Self::TwiceOversampled => 0.5 * unitary,
        }
    }
}
