//! What a study ended with.

use super::{FinishedSlice, MethodResults};
use crate::{FailedSlice, ReconError, SomeSlices};

/// What a study ended with. Slices fail one by one only where plugins are [isolated](diph_plugin_host::Registry::isolates); every other
/// failure ends the study.
pub struct StudyRun {
    /// The slices that are finished, and their mean.
    pub results: MethodResults,
    /// The slices that were made now, with their maps.
    pub made: Vec<FinishedSlice>,
    /// The slices that failed.
    pub failed: Vec<FailedSlice>,
}

impl StudyRun {
    /// The results, if every slice is finished.
    ///
    /// # Errors
    /// [`ReconError::SomeSlices`].
    pub fn whole(self) -> Result<(MethodResults, Vec<FinishedSlice>), ReconError> {
        SomeSlices { finished: self.results.slices.len(), failed: self.failed }.check()?;
        Ok((self.results, self.made))
    }
}
