//! EDM's choice of noise levels for training.

use rand_distr::{Distribution, StandardNormal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use diph_core::Rng;

/// `ln sigma` is normal with this mean and deviation (Karras et al. 2022, table 1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogNormalSigma {
    /// Mean of `ln sigma`.
    pub mean: f64,
    /// Standard deviation of `ln sigma`.
    pub deviation: f64,
}

impl Default for LogNormalSigma {
    fn default() -> Self {
        Self { mean: -1.2, deviation: 1.2 }
    }
}

impl LogNormalSigma {
    /// Draws a noise level.
    pub fn draw(&self, rng: &mut Rng) -> f64 {
        let normal: f64 = StandardNormal.sample(rng);
        (self.mean + self.deviation * normal).exp()
    }

    /// Share of the signal's variance at a noise level, `1 / (1 + sigma^2)`.
    pub fn abar(sigma: f64) -> f64 {
        1.0 / (1.0 + sigma * sigma)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn logarithms_have_mean_and_deviation() {
        let mut rng = Rng::seed_from_u64(1);
        let sampler = LogNormalSigma::default();
        let draws: Vec<f64> = (0..20_000).map(|_| sampler.draw(&mut rng).ln()).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!((mean + 1.2).abs() < 0.03 && (variance.sqrt() - 1.2).abs() < 0.03, "{mean} {variance}");
    }
}
