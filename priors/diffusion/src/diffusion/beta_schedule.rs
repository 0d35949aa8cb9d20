//! How fast noise comes in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The variance that each step adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BetaSchedule {
    /// From 1e-4 to 0.02 for 1000 steps, scaled for other numbers (Ho et al. 2020).
    #[default]
    Linear,
    /// `abar(t) = cos((t + 0.008) / 1.008 * pi / 2)^2`, betas of at most 0.999 (Nichol & Dhariwal 2021).
    Cosine,
}

impl BetaSchedule {
    /// The betas of `steps` steps.
    pub fn betas(self, steps: usize) -> Vec<f64> {
        let count = steps as f64;
        match self {
            Self::Linear => {
                let scale = 1000.0 / count;
                let (first, last) = (scale * 1e-4, scale * 0.02);
                let gap = (last - first) / (count - 1.0).max(1.0);
                (0..steps).map(|step| first + gap * step as f64).collect()
            }
            Self::Cosine => {
                let abar = |t: f64| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
                let beta = |step: usize| 1.0 - abar((step + 1) as f64 / count) / abar(step as f64 / count);
                (0..steps).map(|step| beta(step).min(0.999)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_runs_between_its_ends() {
        let betas = BetaSchedule::Linear.betas(1000);
        assert_eq!((betas[0], betas.len()), (1e-4, 1000));
        assert!((betas[999] - 0.02).abs() < 1e-16);
        assert!((BetaSchedule::Linear.betas(500)[0] - 2e-4).abs() < 1e-18);
    }

    #[test]
    fn cosine_follows_its_closed_form() {
        let abar = |t: f64| ((t + 0.008) / 1.008 * std::f64::consts::FRAC_PI_2).cos().powi(2);
        let mut product = 1.0;
        for (step, beta) in BetaSchedule::Cosine.betas(1000).iter().enumerate().take(999) {
            product *= 1.0 - beta;
            let expected = abar((step + 1) as f64 / 1000.0) / abar(0.0);
            assert!((product - expected).abs() < 1e-12, "{step}");
        }
        assert_eq!(BetaSchedule::Cosine.betas(1000)[999], 0.999);
    }
}
