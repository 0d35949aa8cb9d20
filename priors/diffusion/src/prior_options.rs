//! Options of the prior.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use diph_network::Precision;

/// Options of [`DiffusionPrior`](crate::DiffusionPrior).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriorOptions {
    /// Clamps the real and the imaginary part of the predicted image to [-1, 1].
    pub clip_denoised: bool,
    /// Timesteps of an annealed run, `ddim30` or `10,10,10` for example; evenly spaced by default. The number of steps
    /// must be that of the run.
    pub respacing: Option<String>,
    /// Name of the condition image of a conditional network; by default that of the checkpoint, or `low_res`.
    pub condition: Option<String>,
    /// Whether a conditional network gets its condition image; by default it does. Without, it gets zeros, which only a
    /// network that was trained with condition dropout understands.
    pub use_condition: Option<bool>,
    /// Height and width of the network's canvas, to which images are cropped or padded at the centre. By default the largest
    /// that the network's levels allow inside of the image.
    pub image_size: Option<usize>,
    /// What the network's convolutions multiply in: `bf16` is faster where the processor has it, and less exact.
    pub precision: Precision,
}
