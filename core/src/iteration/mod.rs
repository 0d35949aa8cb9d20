//! Iterations, and the one driver that runs them.

mod observer;
mod outcome;
mod progress;
mod run;
mod stop_reason;

pub use observer::Observer;
pub use outcome::Outcome;
pub use progress::Progress;
pub use run::run;
pub use stop_reason::{Breakdown, StopReason};

use crate::Result;

/// An algorithm as data: immutable settings, a state, and what one step does.
///
/// Stopping by count, timing, display and cancelling are the business of [`run`] and its [`Observer`]s.
pub trait Iteration {
    /// Everything that changes from step to step, generators of random numbers included.
    type State;

    /// The state before the first step.
    ///
    /// # Errors
    /// When the parts do not fit, or a parameter makes no sense.
    fn start(&self) -> Result<Self::State>;

    /// One step. `Some` when there is a reason to stop.
    ///
    /// # Errors
    /// When a part fails. The state is then of no use.
    fn step(&self, state: &mut Self::State) -> Result<Option<StopReason>>;
}
