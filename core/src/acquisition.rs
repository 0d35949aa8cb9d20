//! What an acquisition operator is planned from: the lengths of everything, and the factor in front of the Fourier transform.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ImageShape;

/// The lengths of everything that an acquisition operator is made from: enough to say what it will need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquisitionShape {
    /// Spatial lengths of the image in pixels.
    pub image: ImageShape,
    /// Coefficients of the temporal subspace, K.
    pub coefficients: usize,
    /// Number of frames (readouts) of the sequence.
    pub frames: usize,
    /// Number of k-space samples of a frame.
    pub samples: usize,
    /// Number of receive coils.
    pub coils: usize,
    /// Whether there are coil sensitivities; a single coil may see everything alike.
    pub has_coil_maps: bool,
    /// Whether there are data weights.
    pub is_weighted: bool,
}

impl AcquisitionShape {
    /// Number of pixels of the image.
    pub fn pixels(&self) -> usize {
        self.image.pixels()
    }

    /// Number of samples that one coil measures, over all frames.
    pub fn samples_per_coil(&self) -> usize {
        self.frames.saturating_mul(self.samples)
    }
}

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
