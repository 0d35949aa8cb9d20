//! The lengths of everything that an acquisition operator is made from.

/// The lengths of everything that an acquisition operator is made from: enough to say what it will need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcquisitionShape {
    /// Image (height, width) in pixels.
    pub image: [usize; 2],
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
        self.image[0].saturating_mul(self.image[1])
    }

    /// Samples of one coil.
    pub fn samples_per_coil(&self) -> usize {
        self.frames.saturating_mul(self.samples)
    }
}
