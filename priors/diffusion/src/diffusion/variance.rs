//! The variance of the backward steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
