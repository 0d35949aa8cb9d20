//! The prior `template.part`. What stands here, soft thresholding, is a placeholder: change `denoise` into your own.

use diph_plugin_sdk::core::{Prior, PriorContext, Result, SpatialAxes, View, ViewMut};
use diph_plugin_sdk::num_complex::Complex32;
use diph_plugin_sdk::{Acquisition, Component, Host, Requirements, export_plugin};
use schemars::JsonSchema;
use serde::Deserialize;

/// What a user may set; `diph plugin info` shows these comments.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// Weight of the penalty.
    weight: f32,
}

impl Default for Options {
    fn default() -> Self {
        Self { weight: 1.0 }
    }
}

/// The proximal map of `R(x) = weight * sum |x_i|`.
struct Part {
    weight: f32,
}

impl Component for Part {
    const ID: &'static str = "template.part";
    const NAME: &'static str = "Template part";
    const SUMMARY: &'static str = "Soft thresholding of magnitudes";
    /// Nothing of the acquisition; it takes planes and volumes.
    const REQUIRES: Requirements = Requirements { spatial_axes: SpatialAxes::Either, ..Requirements::NONE };
    /// What `diph plugin check` tries it on.
    const EXAMPLE: &'static str = r#"{"options": {"weight": 0.5}, "image": [3, 9, 8]}"#;
    type Options = Options;
    type Instance = Self;

    fn create(options: Options, _: &Acquisition<'_>, _: &Host) -> Result<Self> {
        Ok(Self { weight: options.weight })
    }
}

impl Prior for Part {
    fn name(&self) -> &str {
        Self::ID
    }

    fn spatial_axes(&self) -> SpatialAxes {
        SpatialAxes::Either
    }

    /// The proximal map of `sigma^2 R` of an image (coefficient, [z,] y, x), and `R` of the result. Called by several threads at
    /// once.
    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        mut clean: ViewMut<'_>,
        _: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        let threshold = self.weight * sigma * sigma;
        clean.zip_mut_with(&noisy, |clean, noisy| {
            let magnitude = noisy.norm();
            *clean = if magnitude > threshold { noisy * (1.0 - threshold / magnitude) } else { Complex32::ZERO };
        });
        Ok(Some(f64::from(self.weight) * clean.iter().map(|value| f64::from(value.norm())).sum::<f64>()))
    }

    /// How exactly `denoise` is a proximal map, so that `diph plugin check` tries the laws of one. Leave it out for a denoiser that
    /// is none.
    fn proximal_accuracy(&self) -> Option<f32> {
        Some(1e-5)
    }
}

export_plugin! { prior: Part }
