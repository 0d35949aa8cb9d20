//! Everything that a checkpoint says about itself.

use diph_gaussian::basis_misfit;
use ndarray::{Array2, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use diph_network::{CheckpointConfig, Error, Result, UNetConfig};

use crate::{DiffusionConfig, GaussianSkip, IntensityConfig, Parametrisation, Variance};

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
    /// Temporal basis of the images, (frame, coefficient): images of another one mean something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Vec<Vec<f32>>>,
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
            basis: None,
            condition_optional: false,
            training: None,
        }
    }

    /// Fills in what follows from the parametrisation `gaussian`: the planes that its network sees and answers.
    pub fn complete(&mut self) {
        if self.diffusion.parametrisation.gaussian().is_some() {
            let coefficients = self.unet.coefficients;
            self.unet.conditional = false;
            self.unet.input_channels = Some(GaussianSkip::planes(coefficients, self.condition.is_some()));
            self.unet.output_channels = Some(2 * coefficients);
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
        self.check_gaussian()?;
        if self.basis.as_ref().is_some_and(|rows| rows.iter().any(|row| row.len() != self.unet.coefficients)) {
            let expected = format!("rows of {} coefficients", self.unet.coefficients);
            return Err(Error::setting("basis", expected, "others"));
        }
        if self.condition_optional && !self.unet.conditional {
            return Err(Error::setting("condition_optional", "false with an unconditional network", true));
        }
        Ok(())
    }

    /// Fails unless `basis` (frame, coefficient) is the temporal basis that the network was trained for, where it knows it: coefficients of
    /// another one mean something else.
    ///
    /// # Errors
    /// [`Setting`](diph_network::Error::Setting) with the largest principal angle between both, and what to do.
    pub fn check_basis(&self, basis: ArrayView2<'_, f32>) -> Result<()> {
        let Some(rows) = &self.basis else { return Ok(()) };
        let own = Array2::from_shape_fn((rows.len(), self.unet.coefficients), |(frame, k)| rows[frame][k]);
        let Some(misfit) = basis_misfit(own.view(), basis) else { return Ok(()) };
        let expected = format!("that of the training set, of {} frames and {} coefficients", own.nrows(), own.ncols());
        let advice = "train a network for this acquisition (`diph train`) and name it with the option `checkpoint`";
        Err(Error::setting("temporal basis", expected, format!("{misfit}; {advice}")))
    }

    /// Fails on a network whose planes are not those of the parametrisation `gaussian`, where that is the model's.
    fn check_gaussian(&self) -> Result<()> {
        let Some(skip) = self.diffusion.parametrisation.gaussian() else {
            return Ok(());
        };
        let (k, condition) = (self.unet.coefficients, self.condition.is_some());
        let wanted = (Some(GaussianSkip::planes(k, condition)), Some(2 * k));
        let got = (self.unet.input_channels, self.unet.output_channels);
        if got != wanted {
            let expected = format!("{:?} with or without this condition image", (wanted.0.unwrap_or(0), 2 * k));
            return Err(Error::setting("unet.input_channels and output_channels", expected, format!("{got:?}")));
        }
        if self.unet.conditional || self.unet.learn_sigma || self.condition_optional {
            let expected = "false with the parametrisation gaussian, which has its own condition planes";
            return Err(Error::setting("unet.conditional, unet.learn_sigma, condition_optional", expected, true));
        }
        skip.check(k, condition)
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
