//! Options of total variation.

use diph_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Options of [`TotalVariation`](crate::TotalVariation).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TotalVariationOptions {
    /// Most iterations of a call, at least 1.
    pub iterations: usize,
    /// A call ends when the result is within this relative distance of the exact proximal map, as the duality gap
    /// guarantees. 0 runs all iterations.
    pub tolerance: f32,
    /// Weight of each coefficient in the joint norm, not negative, at least one positive; all 1 when absent. Weights
    /// that grow as the singular values fall let the weaker coefficients take part in deciding where an edge is.
    pub coefficient_weights: Option<Vec<f32>>,
    /// Weight of the differences between the planes of a volume beside those within, not negative: the width of a voxel over
    /// its thickness, so that differences are taken per length. 0 denoises plane by plane. Without effect on planes.
    pub through_plane_weight: f32,
}

impl Default for TotalVariationOptions {
    fn default() -> Self {
        Self { iterations: 200, tolerance: 1e-3, coefficient_weights: None, through_plane_weight: 1.0 }
    }
}

impl TotalVariationOptions {
    pub(super) fn validate(&self) -> Result<()> {
        let error = |parameter: &str, expected: &str, got: String| {
            Err(Error::parameter("total-variation: options", parameter, expected, got))
        };
        if self.iterations == 0 {
            return error("iterations", "at least 1", self.iterations.to_string());
        }
        if !(0.0..1.0).contains(&self.tolerance) {
            return error("tolerance", "a number in [0, 1)", self.tolerance.to_string());
        }
        if !(0.0..=100.0).contains(&self.through_plane_weight) {
            return error("through_plane_weight", "a number in [0, 100]", self.through_plane_weight.to_string());
        }
        let Some(weights) = &self.coefficient_weights else {
            return Ok(());
        };
        if weights.iter().any(|w| !w.is_finite() || *w < 0.0) || weights.iter().all(|w| *w == 0.0) {
            let expected = "finite numbers of at least 0, one of them positive";
            return error("coefficient_weights", expected, format!("{weights:?}"));
        }
        Ok(())
    }
}
