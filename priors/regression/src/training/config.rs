//! Everything that decides a training run, besides its samples.

use diph_network::Precision;
use diph_network::{CheckpointConfig, Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RegressionConfig;

/// A training run: the network, and how it is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// The network to train.
    pub model: RegressionConfig,
    /// How it is trained.
    pub settings: TrainingSettings,
}

/// How a network is trained, whatever its architecture and acquisition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingSettings {
    /// Seed of the initialisation and of everything else that is drawn.
    #[serde(default)]
    pub seed: u64,
    /// Number of steps of the optimiser.
    pub steps: u64,
    /// Images of a step.
    #[serde(default = "default::batch")]
    pub batch: usize,
    /// Side in pixels of the squares that are cut from the samples.
    #[serde(default = "default::crop")]
    pub crop: usize,
    /// What convolutions multiply in; weights and sums are f32 always.
    #[serde(default)]
    pub precision: Precision,
    /// Learning rate after the warm-up, which falls to nearly nothing along half a cosine.
    #[serde(default = "default::learning_rate")]
    pub learning_rate: f64,
    /// Share of the learning rate that is left at the last step.
    #[serde(default = "default::final_share")]
    pub final_share: f64,
    /// Decoupled weight decay (Loshchilov & Hutter 2019).
    #[serde(default = "default::weight_decay")]
    pub weight_decay: f64,
    /// Decay of the first and of the second moment of the gradient.
    #[serde(default = "default::betas")]
    pub betas: [f64; 2],
    /// Steps in which the learning rate rises linearly to its value.
    #[serde(default = "default::warmup_steps")]
    pub warmup_steps: u64,
    /// Longest gradient, the norm over all parameters; longer ones are scaled down.
    #[serde(default = "default::gradient_clip")]
    pub gradient_clip: f64,
    /// Decay rate of the exponential moving average of the parameters.
    #[serde(default = "default::ema_rate")]
    pub ema_rate: f64,
    /// Samples that are in use at a time, once there are so many.
    #[serde(default = "default::pool")]
    pub pool: u64,
    /// How often a sample is drawn on average before it makes room for a new one.
    #[serde(default = "default::uses")]
    pub uses: u64,
}

mod default {
    pub fn batch() -> usize {
        2
    }
    pub fn crop() -> usize {
        160
    }
    pub fn learning_rate() -> f64 {
        2e-3
    }
    pub fn final_share() -> f64 {
        0.01
    }
    pub fn weight_decay() -> f64 {
        0.01
    }
    pub fn betas() -> [f64; 2] {
        [0.9, 0.98]
    }
    pub fn warmup_steps() -> u64 {
        50
    }
    pub fn gradient_clip() -> f64 {
        1.0
    }
    pub fn ema_rate() -> f64 {
        0.995
    }
    pub fn pool() -> u64 {
        192
    }
    pub fn uses() -> u64 {
        6
    }
}

impl TrainingSettings {
    /// The defaults of everything besides the number of steps.
    pub fn new(steps: u64) -> Self {
        Self {
            seed: 0,
            steps,
            batch: default::batch(),
            crop: default::crop(),
            precision: Precision::F32,
            learning_rate: default::learning_rate(),
            final_share: default::final_share(),
            weight_decay: default::weight_decay(),
            betas: default::betas(),
            warmup_steps: default::warmup_steps(),
            gradient_clip: default::gradient_clip(),
            ema_rate: default::ema_rate(),
            pool: default::pool(),
            uses: default::uses(),
        }
    }

    /// Fails on settings that make no run.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the setting.
    fn check(&self) -> Result<()> {
        for (name, value) in [("steps", self.steps), ("batch", self.batch as u64), ("uses", self.uses)] {
            if value == 0 {
                return Err(Error::setting(name, "at least 1", value));
            }
        }
        if self.pool < self.batch as u64 {
            return Err(Error::setting("pool", format!("at least the batch of {}", self.batch), self.pool));
        }
        let positive = [("learning_rate", self.learning_rate), ("gradient_clip", self.gradient_clip)];
        if let Some((name, value)) = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return Err(Error::setting(name, "a number above 0", value));
        }
        let shares = [("final_share", self.final_share), ("weight_decay", self.weight_decay)];
        if let Some((name, value)) = shares.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            return Err(Error::setting(name, "a number from 0 to 1", value));
        }
        let rates = [("betas", self.betas[0]), ("betas", self.betas[1]), ("ema_rate", self.ema_rate)];
        if let Some((name, value)) = rates.into_iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
            return Err(Error::setting(name, "a number from 0 to below 1", value));
        }
        Ok(())
    }

    /// The learning rate of a step: a linear warm-up, then half a cosine down to the last step.
    pub(super) fn learning_rate_at(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.learning_rate * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let steps = self.steps.saturating_sub(self.warmup_steps + 1).max(1);
        let progress = ((step - self.warmup_steps) as f64 / steps as f64).min(1.0);
        let cosine = 0.5 + 0.5 * (std::f64::consts::PI * progress).cos();
        self.learning_rate * (self.final_share + (1.0 - self.final_share) * cosine)
    }
}

impl TrainingConfig {
    /// Fails on settings that make no run.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the setting.
    pub fn check(&self) -> Result<()> {
        self.model.check()?;
        self.settings.check()?;
        self.check_crop()
    }

    /// Fails on squares that the network's levels do not divide.
    pub(super) fn check_crop(&self) -> Result<()> {
        let (crop, factor) = (self.settings.crop, self.model.unet.size_factor()?);
        if crop == 0 || !crop.is_multiple_of(factor) {
            return Err(Error::setting("crop", format!("a multiple of {factor}"), crop));
        }
        Ok(())
    }
}
