//! Which timesteps training looks at.

use rand::RngExt;

use diph_core::Rng;

use super::LossSecondMoment;

/// A timestep and the weight that keeps the expected loss the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimestepDraw {
    /// Index of the step.
    pub step: usize,
    /// Weight of its loss.
    pub weight: f64,
}

/// Draws timesteps for training.
#[derive(Clone, Debug, PartialEq)]
pub enum TimestepSampler {
    /// All alike.
    Uniform {
        /// Number of timesteps.
        steps: usize,
    },
    /// In proportion to the root mean square of their last losses.
    LossSecondMoment(LossSecondMoment),
}

impl TimestepSampler {
    /// Draws a timestep.
    pub fn draw(&self, rng: &mut Rng) -> TimestepDraw {
        match self {
            Self::Uniform { steps } => TimestepDraw { step: rng.random_range(0..(*steps).max(1)), weight: 1.0 },
            Self::LossSecondMoment(sampler) => sampler.draw(rng),
        }
    }

    /// Tells the loss (without weight) of a timestep.
    pub fn update(&mut self, step: usize, loss: f64) {
        if let Self::LossSecondMoment(sampler) = self {
            sampler.update(step, loss);
        }
    }
}
