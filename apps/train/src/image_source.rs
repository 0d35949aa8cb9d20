//! Where images and maps come from.

use diph_core::{Result, Rng};
use diph_datasets::QuantitativeMaps;
use ndarray::Array3;
use num_complex::Complex32;

/// Maps to learn from, before they become images.
pub trait MapSource: Send + Sync {
    /// Maps of a slice, chosen by nothing but the generator.
    ///
    /// # Errors
    /// When they cannot be made.
    fn maps(&self, rng: &mut Rng) -> Result<QuantitativeMaps>;
}

/// Images to learn from, before they are measured.
pub trait ImageSource: Send + Sync {
    /// An image (coefficient, y, x), chosen by nothing but the generator.
    ///
    /// # Errors
    /// When it cannot be simulated.
    fn image(&self, rng: &mut Rng) -> Result<Array3<Complex32>>;
}
