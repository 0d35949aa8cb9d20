//! Everything that a checkpoint says about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DiffusionConfig, Error, IntensityConfig, Result, UNetConfig, Variance};

/// The whole configuration of a diffusion prior: with the weights, all that is needed to run it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The network's architecture.
    pub unet: UNetConfig,
    /// The diffusion that it was trained for.
    #[serde(default)]
    pub diffusion: DiffusionConfig,
    /// What images are divided by before the network sees them.
    #[serde(default)]
    pub intensity: IntensityConfig,
}

impl ModelConfig {
    /// Fails on settings that make no model.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the setting.
    pub fn check(&self) -> Result<()> {
        self.unet.check()?;
        self.diffusion.check()?;
        self.intensity.check()?;
        if self.diffusion.variance == Variance::LearnedRange && !self.unet.learn_sigma {
            let expected = "fixed_small or fixed_large with a network without learn_sigma";
            return Err(Error::setting("diffusion.variance", expected, "learned_range"));
        }
        Ok(())
    }
}
