//! Everything that a checkpoint says about itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use diph_network::{CheckpointConfig, Error, Result, UNetConfig};

use crate::{DiffusionConfig, IntensityConfig, Parametrisation, Variance};

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
    /// Name of the condition image that a conditional network was trained with, `adjoint` for example.
    #[serde(default)]
    pub condition: Option<String>,
    /// Whether a conditional network also serves without its condition: it was trained with some conditions set to zero.
    #[serde(default)]
    pub condition_optional: bool,
    /// How it was trained, for the record: data, steps, command.
    #[serde(default)]
    pub training: Option<serde_json::Value>,
}

impl ModelConfig {
    /// A network with the defaults of everything else.
    pub fn new(unet: UNetConfig) -> Self {
        Self {
            unet,
            diffusion: DiffusionConfig::default(),
            intensity: IntensityConfig::default(),
            condition: None,
            condition_optional: false,
            training: None,
        }
    }

    /// Fails on settings that make no model.
    ///
    /// # Errors
    /// [`Setting`](diph_network::Error::Setting) with the name of the setting that is outside of its range.
    pub fn check(&self) -> Result<()> {
        self.unet.check()?;
        self.diffusion.check()?;
        self.intensity.check()?;
        if self.diffusion.variance == Variance::LearnedRange && !self.unet.learn_sigma {
            let expected = "fixed_small or fixed_large with a network without learn_sigma";
            return Err(Error::setting("diffusion.variance", expected, "learned_range"));
        }
        if let Parametrisation::Edm { sigma_data } = &self.diffusion.parametrisation {
            sigma_data.check_coefficients(self.unet.coefficients)?;
        }
        if self.condition_optional && !self.unet.conditional {
            return Err(Error::setting("condition_optional", "false with an unconditional network", true));
        }
        Ok(())
    }
}

impl CheckpointConfig for ModelConfig {
    fn unet(&self) -> &UNetConfig {
        &self.unet
    }

    fn check(&self) -> Result<()> {
        self.check()
    }
}
