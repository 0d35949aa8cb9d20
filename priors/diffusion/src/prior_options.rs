//! Options of the prior.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of [`DiffusionPrior`](crate::DiffusionPrior).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriorOptions {
    /// Clamps the real and the imaginary part of the predicted image to [-1, 1].
    pub clip_denoised: bool,
    /// Timesteps of an annealed run, `ddim30` or `10,10,10` for example; evenly spaced by default. The number of steps
    /// must be that of the run.
    pub respacing: Option<String>,
    /// Name of the condition image of a conditional network.
    pub condition: String,
}

impl Default for PriorOptions {
    fn default() -> Self {
        Self { clip_denoised: false, respacing: None, condition: "low_res".into() }
    }
}
