//! Where images come from.

use diph_core::{Result, Rng};
use ndarray::Array3;
use num_complex::Complex32;

/// Images to learn from, before they are measured.
pub trait ImageSource: Send + Sync {
    /// An image (coefficient, y, x), chosen by nothing but the generator.
    ///
    /// # Errors
    /// When it cannot be simulated.
    fn image(&self, rng: &mut Rng) -> Result<Array3<Complex32>>;
}
