//! The size of the images, coefficient by coefficient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use diph_network::{Error, Result};

/// Standard deviation of the images' real and imaginary parts; as JSON a number or a list of K numbers.
///
/// Up to this noise the network predicts mostly the noise, above it mostly the image. A number below the true deviation lets it
/// predict the image earlier, and gives images with much noise more weight in the loss: with a quarter up to 16 times.
///
/// The coefficients of a TSMI differ in size by more than ten times. With one number for all of them the small ones, which
/// carry T2, would weigh next to nothing in the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SigmaData {
    /// One for all coefficients.
    All(f64),
    /// One for each coefficient. An empty list stands for numbers that are still to be measured.
    EachCoefficient(Vec<f64>),
}

impl Default for SigmaData {
    /// Still to be measured.
    fn default() -> Self {
        Self::EachCoefficient(Vec::new())
    }
}

impl SigmaData {
    /// The numbers: one, or one for each coefficient.
    pub fn values(&self) -> &[f64] {
        match self {
            Self::All(value) => std::slice::from_ref(value),
            Self::EachCoefficient(values) => values,
        }
    }

    /// Whether the numbers are still to be measured.
    pub fn is_missing(&self) -> bool {
        self.values().is_empty()
    }

    /// Fails on numbers that are not positive, and where there are none.
    pub(super) fn check(&self) -> Result<()> {
        let setting = "diffusion.parametrisation.edm.sigma_data";
        if self.is_missing() {
            let expected = "a number or one for each coefficient (training measures them from its images)";
            return Err(Error::setting(setting, expected, "none"));
        }
        match self.values().iter().find(|value| !(value.is_finite() && **value > 0.0)) {
            Some(value) => Err(Error::setting(setting, "positive numbers", value)),
            None => Ok(()),
        }
    }

    /// Fails on a list of another length.
    pub(crate) fn check_coefficients(&self, coefficients: usize) -> Result<()> {
        match self {
            Self::EachCoefficient(values) if values.len() != coefficients => {
                let setting = "diffusion.parametrisation.edm.sigma_data";
                let expected = format!("one number, or one for each of {coefficients} coefficients");
                Err(Error::setting(setting, expected, format!("{} numbers", values.len())))
            }
            _ => Ok(()),
        }
    }
}

impl From<f64> for SigmaData {
    fn from(value: f64) -> Self {
        Self::All(value)
    }
}

impl From<Vec<f64>> for SigmaData {
    fn from(values: Vec<f64>) -> Self {
        Self::EachCoefficient(values)
    }
}
