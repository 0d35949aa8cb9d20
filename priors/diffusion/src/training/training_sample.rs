//! One training image.

use ndarray::Array3;
use num_complex::Complex32;

/// One training image in the network's units, (K, y, x), of the network's size or any other that its levels divide.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingSample {
    /// The image without noise.
    pub clean: Array3<Complex32>,
    /// The condition image of a conditional network, of the same shape.
    pub condition: Option<Array3<Complex32>>,
}
