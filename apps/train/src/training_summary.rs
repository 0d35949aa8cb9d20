//! What a training run says at its end.

use serde::Serialize;

/// What a run says at its end.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingSummary {
    /// Steps that are done.
    pub steps: u64,
    /// Mean loss of the last steps.
    pub loss: f64,
    /// Mean seconds per step since the run was started or resumed.
    pub seconds_per_step: f64,
    /// The averaged networks.
    pub checkpoints: Vec<String>,
}
