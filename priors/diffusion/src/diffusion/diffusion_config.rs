//! What a network was trained for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{BetaSchedule, GaussianDiffusion, Parametrisation, Respacing};
use crate::Result;

/// The diffusion that a network was trained for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiffusionConfig {
    /// Number of timesteps.
    pub steps: usize,
    /// How fast noise comes in.
    pub schedule: BetaSchedule,
    /// What the network predicts.
    pub parametrisation: Parametrisation,
    /// Variance of the backward steps.
    pub variance: Variance,
    /// Whether the network is told timesteps scaled to 0..1000.
    pub rescale_timesteps: bool,
}

impl Default for DiffusionConfig {
    fn default() -> Self {
        Self {
            steps: 1000,
            schedule: BetaSchedule::default(),
            parametrisation: Parametrisation::default(),
            variance: Variance::default(),
            rescale_timesteps: false,
        }
    }
}

impl DiffusionConfig {
    /// Fails on numbers outside of their range.
    ///
    /// # Errors
    /// [`Setting`](diph_network::Error::Setting) with the name of the setting that is outside of its range.
    pub fn check(&self) -> diph_network::Result<()> {
        // Below twenty steps the last beta of the linear schedule would be 1 or more.
        if self.steps <= 20 || self.steps > 1_000_000 {
            return Err(diph_network::Error::setting("diffusion.steps", "21 to 1000000", self.steps));
        }
        match &self.parametrisation {
            Parametrisation::Edm { sigma_data } => sigma_data.check(),
            _ => Ok(()),
        }
    }

    /// The diffusion with every timestep.
    ///
    /// # Errors
    /// As [`DiffusionConfig::check`].
    pub fn diffusion(&self) -> Result<GaussianDiffusion> {
        self.respaced(&Respacing::Sections(vec![self.steps]))
    }

    /// The diffusion with fewer timesteps.
    ///
    /// # Errors
    /// As [`DiffusionConfig::check`] and [`Respacing::timesteps`].
    pub fn respaced(&self, respacing: &Respacing) -> Result<GaussianDiffusion> {
        self.check()?;
        GaussianDiffusion::new(self.clone(), respacing)
    }
}

/// Variance of `p(x_{t-1} | x_t)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Variance {
    /// That of the posterior `q(x_{t-1} | x_t, x_0)`.
    FixedSmall,
    /// Beta.
    #[default]
    FixedLarge,
    /// Between the two, as the second half of the network's output says (Nichol & Dhariwal 2021).
    LearnedRange,
}
