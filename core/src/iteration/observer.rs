//! Watching a run.

use std::ops::ControlFlow;

use crate::{Progress, Result};

/// Sees the state after every step: a progress bar, a cancel button, a log, a dump of every step.
///
/// Every closure of the right form is an observer.
pub trait Observer<S> {
    /// Called after every step. `Break` ends the run as [`StopReason::Cancelled`](crate::StopReason::Cancelled).
    ///
    /// # Errors
    /// When the observer's own work fails (a dump that cannot be written); ends the run with that error.
    fn observe(&mut self, progress: &Progress<'_, S>) -> Result<ControlFlow<()>>;
}

impl<S, F: FnMut(&Progress<'_, S>) -> Result<ControlFlow<()>>> Observer<S> for F {
    fn observe(&mut self, progress: &Progress<'_, S>) -> Result<ControlFlow<()>> {
        self(progress)
    }
}
