//! Everything that decides a training run, besides its images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Annealing, NoiseLevels, Reuse, TimestepSampling};
use crate::{Error, LogNormalSigma, ModelConfig, Result, Variance};
use diph_network::Precision;

/// More images in a step are a slip of the pen.
const MAX_BATCH: usize = 1 << 16;

/// The configuration of a training run.
///
/// ```
/// use diph_diffusion::{Annealing, TrainingConfig};
/// let config: TrainingConfig = serde_json::from_str(
///     r#"{ "model": { "unet": { "image_size": 64, "coefficients": 5 },
///                     "diffusion": { "parametrisation": { "edm": { "sigma_data": [1.0, 0.4, 0.2, 0.1, 0.08] } } } },
///          "steps": 2000, "batch": 4, "annealing": { "cosine": {} } }"#,
/// )?;
/// config.check()?;
/// assert_eq!(config.annealing, Annealing::Cosine { final_share: 0.0 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// The model to train.
    pub model: ModelConfig,
    /// Seed of the initialisation, of the noise and of everything else that is drawn.
    #[serde(default)]
    pub seed: u64,
    /// Number of steps of the optimiser.
    #[serde(default = "default::steps")]
    pub steps: u64,
    /// Images of a step.
    #[serde(default = "default::batch")]
    pub batch: usize,
    /// Images that go through the network at once; all of a step by default. Fewer need less memory, and give the same
    /// result up to rounding (and up to the network's dropout).
    #[serde(default)]
    pub microbatch: Option<usize>,
    /// Computes activations a second time in the backward pass instead of keeping them: less memory, more time.
    #[serde(default)]
    pub gradient_checkpointing: bool,
    /// What the network's convolutions multiply in; weights and sums are f32 always.
    #[serde(default)]
    pub precision: Precision,
    /// Learning rate after the warm-up.
    #[serde(default = "default::learning_rate")]
    pub learning_rate: f64,
    /// Decoupled weight decay (Loshchilov & Hutter 2019): each step shrinks the parameters by learning rate times this.
    #[serde(default)]
    pub weight_decay: f64,
    /// Decay of the first and of the second moment of the gradient.
    #[serde(default = "default::betas")]
    pub betas: [f64; 2],
    /// Steps in which the learning rate rises linearly to its value.
    #[serde(default = "default::warmup_steps")]
    pub warmup_steps: u64,
    /// The learning rate after that.
    #[serde(default)]
    pub annealing: Annealing,
    /// Longest gradient, the norm over all parameters; longer ones are scaled down.
    #[serde(default = "default::gradient_clip")]
    pub gradient_clip: Option<f64>,
    /// Decay rates of the exponential moving averages of the parameters.
    #[serde(default = "default::ema_rates")]
    pub ema_rates: Vec<f64>,
    /// Noise levels; by default log-normal with EDM, all timesteps alike otherwise.
    #[serde(default)]
    pub noise_levels: Option<NoiseLevels>,
    /// Share of images the condition of which is replaced by zeros, so that the network also serves without a condition.
    #[serde(default)]
    pub condition_dropout: f32,
    /// Side in pixels of the squares that are cut from the images at random; whole images where absent. Only with the parametrisation
    /// `gaussian`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<usize>,
    /// Uses images several times; only with the parametrisation `gaussian`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<Reuse>,
    /// Weight of the variational bound where the variance is learned, next to the squared error; the number of timesteps
    /// over 1000 by default (Nichol & Dhariwal 2021).
    #[serde(default)]
    pub bound_weight: Option<f64>,
}

mod default {
    pub fn steps() -> u64 {
        10_000
    }
    pub fn batch() -> usize {
        4
    }
    pub fn learning_rate() -> f64 {
        3e-4
    }
    pub fn betas() -> [f64; 2] {
        [0.9, 0.999]
    }
    pub fn warmup_steps() -> u64 {
        200
    }
    pub fn gradient_clip() -> Option<f64> {
        Some(1.0)
    }
    pub fn ema_rates() -> Vec<f64> {
        vec![0.999]
    }
}

impl TrainingConfig {
    /// The defaults of everything besides the model.
    pub fn new(model: ModelConfig) -> Self {
        Self {
            model,
            seed: 0,
            steps: default::steps(),
            batch: default::batch(),
            microbatch: None,
            gradient_checkpointing: false,
            precision: Precision::F32,
            learning_rate: default::learning_rate(),
            weight_decay: 0.0,
            betas: default::betas(),
            warmup_steps: default::warmup_steps(),
            annealing: Annealing::default(),
            gradient_clip: default::gradient_clip(),
            ema_rates: default::ema_rates(),
            noise_levels: None,
            condition_dropout: 0.0,
            crop: None,
            reuse: None,
            bound_weight: None,
        }
    }

    /// Fails on settings that make no training run.
    ///
    /// # Errors
    /// [`Setting`](diph_network::Error::Setting) with the name of the setting that is outside of its range.
    pub fn check(&self) -> Result<()> {
        self.model.check()?;
        let range = |setting: &str, expected: &str, value: f64, is_inside: bool| match is_inside {
            true => Ok(()),
            false => Err(Error::setting(setting, expected, value)),
        };
        if self.steps == 0 {
            return Err(Error::setting("steps", "at least 1", 0));
        }
        self.check_batch()?;
        if self.steps.checked_mul(self.batch as u64).is_none() {
            let most = u64::MAX / self.batch as u64;
            return Err(Error::setting("steps", format!("at most {most} of {} images each", self.batch), self.steps));
        }
        if self.microbatch == Some(0) {
            return Err(Error::setting("microbatch", "at least 1", 0));
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let share = |value: f64| (0.0..1.0).contains(&value);
        range("learning_rate", "a positive number", self.learning_rate, positive(self.learning_rate))?;
        let decay = self.weight_decay;
        range("weight_decay", "0 or a positive number", decay, decay == 0.0 || positive(decay))?;
        for beta in self.betas {
            range("betas", "numbers from 0 to below 1", beta, share(beta))?;
        }
        if let Annealing::Cosine { final_share } = self.annealing {
            range("annealing.cosine.final_share", "0 to 1", final_share, (0.0..=1.0).contains(&final_share))?;
        }
        if let Some(clip) = self.gradient_clip {
            range("gradient_clip", "a positive number or null", clip, positive(clip))?;
        }
        for (index, rate) in self.ema_rates.iter().enumerate() {
            range("ema_rates", "numbers from 0 to below 1", *rate, share(*rate))?;
            range("ema_rates", "different numbers", *rate, !self.ema_rates[..index].contains(rate))?;
        }
        if let Some(weight) = self.bound_weight {
            range("bound_weight", "0 or a positive number", weight, weight == 0.0 || positive(weight))?;
        }
        self.check_condition()?;
        self.check_noise_levels()
    }

    /// Images of a step.
    pub(super) fn check_batch(&self) -> Result<()> {
        match (1..=MAX_BATCH).contains(&self.batch) {
            true => Ok(()),
            false => Err(Error::setting("batch", format!("1 to {MAX_BATCH}"), self.batch)),
        }
    }

    fn check_condition(&self) -> Result<()> {
        let dropout = self.condition_dropout;
        if !(0.0..=1.0).contains(&dropout) {
            return Err(Error::setting("condition_dropout", "0 to 1", dropout));
        }
        let gaussian = self.model.diffusion.parametrisation.gaussian().is_some();
        let own = [("crop", self.crop.is_some()), ("reuse", self.reuse.is_some())];
        if let Some((setting, _)) = own.into_iter().find(|(_, given)| *given && !gaussian) {
            return Err(Error::setting(setting, "none without the parametrisation gaussian", "one"));
        }
        let factor = self.model.unet.size_factor()?;
        if let Some(crop) = self.crop.filter(|crop| *crop == 0 || !crop.is_multiple_of(factor)) {
            return Err(Error::setting(
                "crop",
                format!("a multiple of {factor} (patch and levels of the network)"),
                crop,
            ));
        }
        if self.reuse.is_some_and(|reuse| reuse.pool == 0 || reuse.uses == 0) {
            return Err(Error::setting("reuse.pool and reuse.uses", "at least 1", 0));
        }
        if dropout > 0.0 && !self.model.unet.conditional {
            return Err(Error::setting("condition_dropout", "0 with an unconditional network", dropout));
        }
        Ok(())
    }

    fn check_noise_levels(&self) -> Result<()> {
        let NoiseLevels::LogNormal(levels) = self.noise_levels() else {
            if self.model.diffusion.parametrisation.gaussian().is_some() {
                return Err(Error::setting(
                    "noise_levels",
                    "log_normal with the parametrisation gaussian",
                    "timesteps",
                ));
            }
            return Ok(());
        };
        if !self.model.diffusion.parametrisation.takes_any_noise() {
            let expected =
                "timesteps with any parametrisation but edm and gaussian, the network of which is told a timestep";
            return Err(Error::setting("noise_levels", expected, "log_normal"));
        }
        if self.model.diffusion.variance == Variance::LearnedRange {
            let expected = "timesteps with a learned variance, which is that of a step";
            return Err(Error::setting("noise_levels", expected, "log_normal"));
        }
        if !(levels.mean.is_finite() && levels.deviation.is_finite() && levels.deviation >= 0.0) {
            let got = format!("mean {}, deviation {}", levels.mean, levels.deviation);
            return Err(Error::setting("noise_levels.log_normal", "finite numbers, the deviation not negative", got));
        }
        Ok(())
    }

    /// The noise levels, or those of the parametrisation.
    pub fn noise_levels(&self) -> NoiseLevels {
        let is_edm = self.model.diffusion.parametrisation.takes_any_noise();
        let is_learned = self.model.diffusion.variance == Variance::LearnedRange;
        self.noise_levels.unwrap_or(match is_edm && !is_learned {
            true => NoiseLevels::LogNormal(LogNormalSigma::default()),
            false => NoiseLevels::Timesteps { sampler: TimestepSampling::default() },
        })
    }

    /// Whether the losses of timesteps decide what is drawn.
    pub(super) fn has_loss_memory(&self) -> bool {
        matches!(self.noise_levels(), NoiseLevels::Timesteps { sampler: TimestepSampling::LossSecondMoment })
    }

    /// The weight of the variational bound, or the default.
    pub fn bound_weight(&self) -> f64 {
        self.bound_weight.unwrap_or(self.model.diffusion.steps as f64 / 1000.0)
    }
}
