//! What every solver's state can show.

use ndarray::ArrayD;
use num_complex::Complex32;

use super::{AnnealedState, PhysicsState};
use crate::vector;

/// The part of a state that observers of any reconstruction can look at: logs, dumps of every step.
pub trait Solution {
    /// The current image in the operator's domain, in units of the problem's intensity.
    fn image(&self) -> &ArrayD<Complex32>;

    /// `||image - previous image|| / ||image||`.
    fn relative_change(&self) -> f32;

    /// The physics, of a run that has it in the loop.
    fn physics(&self) -> Option<&PhysicsState> {
        None
    }

    /// Everything inside, of an annealed run.
    fn annealed(&self) -> Option<&AnnealedState> {
        None
    }
}

/// `||x - previous|| / ||x||`; 0 for an image of zeros.
pub(super) fn relative_change(x: &ArrayD<Complex32>, previous: &ArrayD<Complex32>) -> f32 {
    let (x, previous) = (x.as_slice().unwrap_or_default(), previous.as_slice().unwrap_or_default());
    match vector::norm(x) {
        0.0 => 0.0,
        norm => (vector::distance(x, previous) / norm) as f32,
    }
}
