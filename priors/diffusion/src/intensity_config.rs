//! What images are divided by before a network sees them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use diph_network::{Error, Result};

/// Factors computed from the training set. Where one is absent, the network was trained on images scaled slice by slice,
/// and the reconstruction estimates the scale from the measurement.
///
/// The prior itself takes images that are divided already; these numbers are for whoever sets the units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IntensityConfig {
    /// Divides images and k-space.
    pub reference_factor: Option<f32>,
    /// Divides condition images.
    pub condition_factor: Option<f32>,
}

impl IntensityConfig {
    /// What a condition image in units of the reference factor is multiplied with for the network.
    pub fn condition_scale(&self) -> f64 {
        match (self.reference_factor, self.condition_factor) {
            (Some(reference), Some(condition)) => f64::from(reference) / f64::from(condition),
            _ => 1.0,
        }
    }

    /// Fails on factors that are not positive numbers.
    ///
    /// # Errors
    /// [`Setting`](diph_network::Error::Setting) with the name of the setting that is outside of its range.
    pub fn check(&self) -> Result<()> {
        for (name, factor) in [("reference_factor", self.reference_factor), ("condition_factor", self.condition_factor)]
        {
            if let Some(factor) = factor.filter(|factor| !(factor.is_finite() && *factor > 0.0)) {
                return Err(Error::setting(format!("intensity.{name}"), "a positive number", factor));
            }
        }
        Ok(())
    }
}
