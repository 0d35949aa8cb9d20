//! What an observer sees.

use std::time::Duration;

/// A finished step.
#[derive(Debug)]
pub struct Progress<'a, S> {
    /// Finished steps, 1 after the first.
    pub iteration: usize,
    /// Steps that were asked for.
    pub max_iterations: usize,
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// State after the step.
    pub state: &'a S,
}
