//! What a running reconstruction shows.

use diph_core::SplittingState;
use ndarray::ArrayD;
use num_complex::Complex32;

/// A finished step of a reconstruction.
pub struct Step<'a> {
    /// Finished steps.
    pub iteration: usize,
    /// Steps that were asked for.
    pub max_iterations: usize,
    /// `||image - previous image|| / ||image||`.
    pub relative_change: f32,
    /// The current image, in units of the intensity.
    pub image: &'a ArrayD<Complex32>,
    /// Images and duals of a run by proximal splitting, in units of the intensity.
    pub splitting: Option<&'a SplittingState>,
    /// The image value that counts as 1.
    pub intensity: f32,
}
