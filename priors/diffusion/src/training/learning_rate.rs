//! The learning rate of each step.

use super::{Annealing, TrainingConfig};

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
