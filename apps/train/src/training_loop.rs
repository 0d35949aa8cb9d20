//! Training to the last step, whatever is trained.

use std::time::{Duration, Instant};

use diph_recon::ReconError;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingProgress {
    /// Steps that are done.
    pub done: u64,
    /// Steps that were asked for.
    pub total: u64,
    /// Mean loss of the last steps.
    pub loss: f64,
    /// Seconds that the rest will take at the speed so far.
    pub seconds_left: f64,
}

/// A training run as the loop around it sees it.
pub(crate) trait Steps {
    /// Steps that are done, and those that there will be.
    fn counted(&self) -> (u64, u64);

    /// Mean loss of the last steps.
    fn recent_loss(&self) -> f64;

    /// One step. Fails with [`ReconError::Cancelled`] where the caller wants to stop.
    fn step(&mut self) -> Result<(), ReconError>;

    /// Keeps what was reached, so that the run can go on from there.
    fn save(&self) -> Result<(), ReconError>;

    /// Validates what was reached, and keeps it.
    fn checkpoint(&self) -> Result<(), ReconError>;
}

/// Trains to the last step, or until the caller stops it; what was reached is kept either way, but the last step is not validated.
/// `on_step` hears of every step. Gives the mean seconds per step, 0 where none was left to do.
///
/// # Errors
/// Those of the run.
pub(crate) fn train(
    run: &mut dyn Steps,
    checkpoint_every: Duration,
    on_step: &mut dyn FnMut(&TrainingProgress),
) -> Result<f64, ReconError> {
    let (begin, (first, total)) = (Instant::now(), run.counted());
    let mut last_checkpoint = Instant::now();
    while run.counted().0 < total {
        if let Err(error) = run.step() {
            // What was reached is kept; where that fails too, the first fault is the one to tell.
            let saved = run.save();
            return Err(if matches!(error, ReconError::Cancelled) { saved.err().unwrap_or(error) } else { error });
        }
        let done = run.counted().0;
        let seconds_left = begin.elapsed().as_secs_f64() / (done - first).max(1) as f64 * (total - done) as f64;
        on_step(&TrainingProgress { done, total, loss: run.recent_loss(), seconds_left });
        if last_checkpoint.elapsed() >= checkpoint_every {
            run.checkpoint()?;
            last_checkpoint = Instant::now();
        }
    }
    Ok(match total.saturating_sub(first) {
        0 => 0.0,
        done => begin.elapsed().as_secs_f64() / done as f64,
    })
}
