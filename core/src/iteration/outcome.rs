//! What a run gives back.

use std::time::Duration;

use crate::StopReason;

/// The last state of a run and why it is the last.
#[derive(Debug)]
#[must_use = "the stop reason says whether the result can be used"]
pub struct Outcome<S> {
    /// State after the last step.
    pub state: S,
    /// Finished steps.
    pub iterations: usize,
    /// Why there are no more.
    pub stop: StopReason,
    /// Time of the whole run.
    pub elapsed: Duration,
}
