//! The driver of every iteration.

use std::time::Instant;

use crate::{Iteration, Observer, Outcome, Progress, Result, StopReason};

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
