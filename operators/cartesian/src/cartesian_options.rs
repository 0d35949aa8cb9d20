//! Options of the Cartesian operator.

use diph_core::{FourierScale, ImageShape};

/// Options of [`CartesianOperator`](crate::CartesianOperator).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CartesianOptions {
    /// Pixels of the image, a plane or a volume. Any size; small prime factors are faster.
    pub image: ImageShape,
    /// The factor in front of the Fourier sum.
    pub normalisation: FourierScale,
}
