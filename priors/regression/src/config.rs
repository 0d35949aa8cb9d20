//! What a regression network expects, and what it was trained for.

use diph_network::{CheckpointConfig, Error, Result, UNetConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::OUTPUTS;

/// Typical sizes of the images that a network was trained on, measured on its training set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Typical scale of an image: the geometric mean of its root mean square over the pixels.
    pub scale: f32,
    /// Root mean square of each coefficient of an image of scale 1.
    pub sizes: Vec<f32>,
    /// The coefficient the phase of which is taken for that of the proton density.
    pub phase_coefficient: usize,
    /// Standard deviation in pixels of the Gaussian that smooths the phase.
    pub phase_blur: f32,
    /// Root mean square of each coefficient of the residual's image, in units of the image's scale; only a second stage has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual_sizes: Option<Vec<f32>>,
}

/// A regression network: architecture, sizes of its images, and the acquisition that it was trained for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegressionConfig {
    /// The architecture.
    pub unet: UNetConfig,
    /// What images are divided by.
    pub normalisation: Normalisation,
    /// Least and greatest T1 in seconds that the network may answer.
    pub t1: [f32; 2],
    /// Least and greatest T2 in seconds that the network may answer.
    pub t2: [f32; 2],
    /// Temporal basis of the images, (frame, coefficient).
    pub basis: Vec<Vec<f32>>,
    /// How it was trained, for the record: data, noise, steps, measured errors.
    #[serde(default)]
    pub training: Option<serde_json::Value>,
}

impl RegressionConfig {
    /// Number of complex coefficients of an image.
    pub fn coefficients(&self) -> usize {
        self.normalisation.sizes.len()
    }

    /// Whether this is the second stage of a cascade.
    pub fn is_second_stage(&self) -> bool {
        self.normalisation.residual_sizes.is_some()
    }

    /// Real planes that a network of this stage reads: real and imaginary parts, scale and magnitude; for a second stage also the
    /// residual's parts and the planes of the first stage's maps.
    pub fn input_planes(coefficients: usize, second_stage: bool) -> usize {
        let image = 2 * coefficients + 2;
        if second_stage { image + 2 * coefficients + OUTPUTS } else { image }
    }
}

impl CheckpointConfig for RegressionConfig {
    fn unet(&self) -> &UNetConfig {
        &self.unet
    }

    fn check(&self) -> Result<()> {
        self.unet.check()?;
        let coefficients = self.coefficients();
        let inputs = Self::input_planes(coefficients, self.is_second_stage());
        if self.unet.image_channels() != inputs {
            return Err(Error::setting("unet.input_channels", inputs.to_string(), self.unet.image_channels()));
        }
        if self.unet.output_channels != Some(OUTPUTS) {
            return Err(Error::setting(
                "unet.output_channels",
                OUTPUTS.to_string(),
                format!("{:?}", self.unet.output_channels),
            ));
        }
        if self.unet.conditional || self.unet.learn_sigma {
            return Err(Error::setting("unet.conditional and unet.learn_sigma", "false", true));
        }
        if self.unet.coefficients != coefficients {
            return Err(Error::setting("unet.coefficients", coefficients.to_string(), self.unet.coefficients));
        }
        let Normalisation { scale, sizes, phase_coefficient, phase_blur, residual_sizes } = &self.normalisation;
        let all_sizes = sizes.iter().chain(residual_sizes.iter().flatten()).chain([scale, phase_blur]);
        if let Some(size) = all_sizes.into_iter().find(|size| !(size.is_finite() && **size > 0.0)) {
            return Err(Error::setting("normalisation", "sizes above 0", size));
        }
        if *phase_coefficient >= coefficients {
            let expected = format!("one of {coefficients} coefficients, counted from 0");
            return Err(Error::setting("normalisation.phase_coefficient", expected, phase_coefficient));
        }
        if let Some(residual) = residual_sizes.as_ref().filter(|sizes| sizes.len() != coefficients) {
            return Err(Error::setting("normalisation.residual_sizes", coefficients.to_string(), residual.len()));
        }
        for (name, [least, greatest]) in [("t1", self.t1), ("t2", self.t2)] {
            if !(least > 0.0 && least < greatest && greatest.is_finite()) {
                return Err(Error::setting(name, "two positive times in order", format!("{:?}", [least, greatest])));
            }
        }
        if self.basis.is_empty() || self.basis.iter().any(|row| row.len() != coefficients) {
            return Err(Error::setting("basis", format!("rows of {coefficients} coefficients"), "another shape"));
        }
        Ok(())
    }
}
