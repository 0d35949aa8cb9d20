//! The lengths of everything that an acquisition operator is made from.

use crate::ImageShape;

/// The lengths of everything that an acquisition operator is made from: enough to say what it will need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquisitionShape {
    /// Spatial lengths of the image in pixels.
    pub image: ImageShape,
    /// Coefficients of the temporal subspace, K.
    pub coefficients: usize,
    /// Frames of the sequence.
    pub frames: usize,
    /// Samples of a frame.
    pub samples: usize,
    /// Receive coils.
    pub coils: usize,
    /// Whether there are coil sensitivities; a single coil may see everything alike.
    pub has_coil_maps: bool,
    /// Whether there are data weights.
    pub is_weighted: bool,
}

impl AcquisitionShape {
    /// Pixels of an image.
    pub fn pixels(&self) -> usize {
        self.image.pixels()
    }

    /// Samples of one coil.
    pub fn samples_per_coil(&self) -> usize {
        self.frames.saturating_mul(self.samples)
    }
}
