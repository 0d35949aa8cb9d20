//! What every solver's state can show.

use ndarray::ArrayD;
use num_complex::Complex32;

use super::{FistaState, SplittingState};

/// The part of a state that observers of any reconstruction can look at: logs, dumps of every step.
pub trait Solution {
    /// The current image, (coefficient, y, x) in units of the problem's intensity.
    fn image(&self) -> &ArrayD<Complex32>;

    /// `||image - previous image|| / ||image||`.
    fn relative_change(&self) -> f32;

    /// Everything inside, of a run by proximal splitting.
    fn splitting(&self) -> Option<&SplittingState> {
        None
    }
}

impl Solution for FistaState {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.x
    }

    fn relative_change(&self) -> f32 {
        self.relative_change
    }
}

impl Solution for SplittingState {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.x_hat
    }

    fn relative_change(&self) -> f32 {
        self.relative_change
    }

    fn splitting(&self) -> Option<&SplittingState> {
        Some(self)
    }
}
