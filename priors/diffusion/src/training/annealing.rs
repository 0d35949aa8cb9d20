//! How the learning rate ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The learning rate after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Annealing {
    /// Stays as it is.
    #[default]
    Constant,
    /// Falls to a share of itself along half a cosine (Loshchilov & Hutter 2017).
    Cosine {
        /// Share at the last step.
        #[serde(default)]
        final_share: f64,
    },
}
