//! Options of the Cartesian operator.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use diph_core::FourierScale;

/// Options of [`CartesianOperator`](crate::CartesianOperator).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CartesianOptions {
    /// Pixels of the image as (height, width). Any size; small prime factors are faster.
    pub image: [usize; 2],
    /// The factor in front of the Fourier sum; unitary when absent.
    #[serde(default)]
    pub normalisation: FourierScale,
}
