//! Importance sampling of timesteps.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use diph_core::Rng;

use super::TimestepDraw;

/// Losses remembered of each timestep.
pub(crate) const HISTORY: usize = 10;

/// Share of draws that stay uniform, so that no timestep is forgotten.
const UNIFORM_SHARE: f64 = 0.001;

/// Draws timesteps in proportion to the root mean square of their last ten losses, uniformly until all have ten
/// (Nichol & Dhariwal 2021). The state can be stored, so that training continues where it stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LossSecondMoment {
    losses: Vec<Vec<f64>>,
}

impl LossSecondMoment {
    /// For `steps` timesteps, without memory.
    pub fn new(steps: usize) -> Self {
        Self { losses: vec![Vec::new(); steps.max(1)] }
    }

    /// With the losses of each timestep, oldest first; more than ten are too many.
    pub(crate) fn from_losses(losses: Vec<Vec<f64>>) -> Self {
        Self { losses }
    }

    /// The losses of each timestep, oldest first.
    pub(crate) fn losses(&self) -> &[Vec<f64>] {
        &self.losses
    }

    /// Probability of each timestep.
    pub fn probabilities(&self) -> Vec<f64> {
        let count = self.losses.len() as f64;
        let root_mean_square =
            |losses: &Vec<f64>| (losses.iter().map(|loss| loss * loss).sum::<f64>() / HISTORY as f64).sqrt();
        let weights: Vec<f64> = self.losses.iter().map(root_mean_square).collect();
        let total: f64 = weights.iter().sum();
        let is_warm = self.losses.iter().all(|losses| losses.len() == HISTORY);
        if !(is_warm && total.is_finite() && total > 0.0) {
            return vec![1.0 / count; self.losses.len()];
        }
        weights.iter().map(|weight| weight / total * (1.0 - UNIFORM_SHARE) + UNIFORM_SHARE / count).collect()
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> TimestepDraw {
        let probabilities = self.probabilities();
        let mut rest: f64 = rng.random();
        let last = probabilities.len() - 1;
        let step = probabilities
            .iter()
            .position(|probability| {
                rest -= probability;
                rest < 0.0
            })
            .unwrap_or(last);
        TimestepDraw { step, weight: 1.0 / (probabilities.len() as f64 * probabilities[step]) }
    }

    /// A loss that is not finite, or of a timestep that does not exist, is not remembered.
    pub(super) fn update(&mut self, step: usize, loss: f64) {
        let Some(losses) = self.losses.get_mut(step).filter(|_| loss.is_finite()) else {
            return;
        };
        if losses.len() == HISTORY {
            losses.remove(0);
        }
        losses.push(loss);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::super::TimestepSampler;
    use super::*;

    #[test]
    fn draws_follow_the_losses_and_weights_undo_it() {
        let mut sampler = TimestepSampler::LossSecondMoment(LossSecondMoment::new(4));
        let mut rng = Rng::seed_from_u64(2);
        assert_eq!(sampler.draw(&mut rng).weight, 1.0);
        for (step, loss) in [1.0, 2.0, 3.0, 4.0].into_iter().enumerate() {
            sampler.update(step, 1e3); // forgotten after ten more
            (0..HISTORY).for_each(|_| sampler.update(step, loss));
            sampler.update(step, f64::NAN);
        }
        let mut counts = [0.0; 4];
        let mut weighted = [0.0; 4];
        for _ in 0..40_000 {
            let draw = sampler.draw(&mut rng);
            counts[draw.step] += 1.0;
            weighted[draw.step] += draw.weight;
        }
        for step in 0..4 {
            assert!((counts[step] / 40_000.0 - (step + 1) as f64 / 10.0).abs() < 0.01, "{counts:?}");
            assert!((weighted[step] / 40_000.0 - 0.25).abs() < 0.01, "{weighted:?}");
        }
    }

    #[test]
    fn uniform_draws_reach_every_step() {
        let sampler = TimestepSampler::Uniform { steps: 7 };
        let mut rng = Rng::seed_from_u64(3);
        let drawn: std::collections::BTreeSet<usize> = (0..500).map(|_| sampler.draw(&mut rng).step).collect();
        assert_eq!(drawn.len(), 7);
    }
}
