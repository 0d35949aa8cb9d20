//! Where training images come from.

use super::TrainingSample;
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
