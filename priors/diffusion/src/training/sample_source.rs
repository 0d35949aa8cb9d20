//! Where training images come from.

use ndarray::Array3;
use num_complex::Complex32;

use crate::Result;

/// An endless row of training images.
///
/// Image number n is a function of n and of the source's own seed alone. That is what makes resuming exact, and lets
/// images be made in parallel.
pub trait SampleSource: Sync {
    /// Image number `number`.
    ///
    /// # Errors
    /// When it cannot be made, see [`Error::sample`](crate::Error::sample).
    fn sample(&self, number: u64) -> Result<TrainingSample>;
}

/// One training image in the network's units, (K, y, x), of the network's size or any other that its levels divide.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSample {
    /// The image without noise.
    pub clean: Array3<Complex32>,
    /// The condition image of a conditional network, of the same shape.
    pub condition: Option<Array3<Complex32>>,
}
