//! Which noise levels training looks at.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LogNormalSigma;

/// Where training gets its noise levels from.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoiseLevels {
    /// Any level, its logarithm normal; for EDM.
    LogNormal(LogNormalSigma),
    /// The levels of the diffusion's timesteps.
    Timesteps {
        /// How often each is drawn.
        #[serde(default)]
        sampler: TimestepSampling,
    },
}

/// How often each timestep is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimestepSampling {
    /// All alike.
    #[default]
    Uniform,
    /// In proportion to the root mean square of their last losses (Nichol & Dhariwal 2021).
    LossSecondMoment,
}
