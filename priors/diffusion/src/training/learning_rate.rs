//! The learning rate of each step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TrainingConfig;

/// Linear warm-up, then the annealing up to the last step.
pub(super) fn learning_rate(config: &TrainingConfig, step: u64) -> f64 {
    if step < config.warmup_steps {
        return config.learning_rate * (step + 1) as f64 / config.warmup_steps as f64;
    }
    let Annealing::Cosine { final_share } = config.annealing else {
        return config.learning_rate;
    };
    let steps = config.steps.saturating_sub(config.warmup_steps + 1).max(1);
    let progress = ((step - config.warmup_steps) as f64 / steps as f64).min(1.0);
    let cosine = 0.5 + 0.5 * (std::f64::consts::PI * progress).cos();
    config.learning_rate * (final_share + (1.0 - final_share) * cosine)
}

/// The learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Annealing {
    /// Stays as it is.
    #[default]
    Constant,
    /// Falls to a share of itself along half a cosine (Loshchilov & Hutter 2017).
    Cosine {
        /// Share at the last step.
        #[serde(default)]
        final_share: f64,
    },
}
