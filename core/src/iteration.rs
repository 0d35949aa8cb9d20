//! Iterations, the one driver that runs them, and the observers that watch.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

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
    /// [`Error::Incompatible`](crate::Error::Incompatible) or [`Error::Shape`](crate::Error::Shape) when the parts do not fit, and
    /// [`Error::Parameter`](crate::Error::Parameter) when a setting makes no sense.
    fn start(&self) -> Result<Self::State>;

    /// One step. `Some` when there is a reason to stop.
    ///
    /// # Errors
    /// Those of operator, prior or projector. The state is then of no use.
    fn step(&self, state: &mut Self::State) -> Result<Option<StopReason>>;
}

/// Reason for which [`run`] ended an iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StopReason {
    /// All steps that were asked for are done.
    MaxIterations,
    /// The algorithm's own test was met.
    Converged,
    /// The algorithm cannot go on; the state is that of the last sound step.
    Breakdown(Breakdown),
    /// An observer asked to stop.
    Cancelled,
}

/// Why an algorithm could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Breakdown {
    /// A curvature `<p, A p>` was zero or negative: the operator is not positive definite.
    NotPositiveDefinite,
    /// A number left the range of finite numbers.
    NotFinite,
}

/// Sees the state after every step: a progress bar, a cancel button, a log, a dump of every step.
///
/// Every closure of the right form is an observer.
pub trait Observer<S> {
    /// Called after every step. `Break` ends the run as [`StopReason::Cancelled`](crate::StopReason::Cancelled).
    ///
    /// # Errors
    /// Those of the observer's own work, such as a dump that cannot be written ([`Error::External`](crate::Error::External)); they end the
    /// run.
    fn observe(&mut self, progress: &Progress<'_, S>) -> Result<ControlFlow<()>>;
}

impl<S, F: FnMut(&Progress<'_, S>) -> Result<ControlFlow<()>>> Observer<S> for F {
    fn observe(&mut self, progress: &Progress<'_, S>) -> Result<ControlFlow<()>> {
        self(progress)
    }
}

/// The last state of a run and why it is the last.
#[derive(Debug)]
#[must_use = "the stop reason says whether the result can be used"]
pub struct Outcome<S> {
    /// State after the last step.
    pub state: S,
    /// Number of finished steps.
    pub iterations: usize,
    /// Why there are no more.
    pub stop: StopReason,
    /// Time of the whole run.
    pub elapsed: Duration,
}

/// Runs an iteration for at most `max_iterations` steps and shows every step to every observer.
///
/// # Errors
/// Those of the iteration and of the observers.
pub fn run<I: Iteration>(
    iteration: &I,
    max_iterations: usize,
    observers: &mut [&mut dyn Observer<I::State>],
) -> Result<Outcome<I::State>> {
    let begin = Instant::now();
    let mut state = iteration.start()?;
    for step in 1..=max_iterations {
        let mut stop = iteration.step(&mut state)?;
        let progress = Progress { iteration: step, max_iterations, elapsed: begin.elapsed(), state: &state };
        for observer in observers.iter_mut() {
            if observer.observe(&progress)?.is_break() {
                stop = stop.or(Some(StopReason::Cancelled));
            }
        }
        if let Some(stop) = stop {
            return Ok(Outcome { state, iterations: step, stop, elapsed: begin.elapsed() });
        }
    }
    Ok(Outcome { state, iterations: max_iterations, stop: StopReason::MaxIterations, elapsed: begin.elapsed() })
}

/// What an observer sees of a finished step.
#[derive(Debug)]
pub struct Progress<'a, S> {
    /// Finished steps, 1 after the first.
    pub iteration: usize,
    /// Steps that were asked for.
    pub max_iterations: usize,
    /// Time since the start of the run.
    pub elapsed: Duration,
    /// State of the iteration after the step.
    pub state: &'a S,
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;

    struct CountTo(usize);

    impl Iteration for CountTo {
        type State = usize;

        fn start(&self) -> Result<usize> {
            Ok(0)
        }

        fn step(&self, state: &mut usize) -> Result<Option<StopReason>> {
            *state += 1;
            Ok((*state == self.0).then_some(StopReason::Converged))
        }
    }

    #[test]
    fn says_why_it_stopped() {
        let outcome = run(&CountTo(3), 10, &mut []).unwrap();
        assert_eq!((outcome.state, outcome.iterations, outcome.stop), (3, 3, StopReason::Converged));
        let outcome = run(&CountTo(30), 10, &mut []).unwrap();
        assert_eq!((outcome.iterations, outcome.stop), (10, StopReason::MaxIterations));
        let outcome = run(&CountTo(30), 0, &mut []).unwrap();
        assert_eq!((outcome.state, outcome.stop), (0, StopReason::MaxIterations));
    }

    #[test]
    fn an_observer_cancels_and_its_error_comes_through() {
        let mut seen = Vec::new();
        let mut cancel = |progress: &Progress<'_, usize>| {
            seen.push((progress.iteration, *progress.state));
            Ok(if progress.iteration == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        let outcome = run(&CountTo(30), 10, &mut [&mut cancel]).unwrap();
        assert_eq!((outcome.iterations, outcome.stop), (2, StopReason::Cancelled));
        assert_eq!(seen, [(1, 1), (2, 2)]);

        let mut failing = |_: &Progress<'_, usize>| Err(crate::Error::external("dump", "disk full"));
        assert_eq!(run(&CountTo(3), 10, &mut [&mut failing]).unwrap_err().to_string(), "dump: disk full");
    }
}
