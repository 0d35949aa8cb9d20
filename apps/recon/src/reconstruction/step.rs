//! What a running reconstruction shows.

use diph_core::AnnealedState;
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
    /// Everything inside of an annealed run, in units of the intensity.
    pub annealed: Option<&'a AnnealedState>,
    /// The image value that counts as 1.
    pub intensity: f32,
}
