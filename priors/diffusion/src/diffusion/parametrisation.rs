//! What a network predicts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preconditioning::noise_time;
use super::{CoefficientPreconditioning, GaussianSkip, Preconditioning, SigmaData};
use crate::{Error, Result};

/// What the network's output stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Parametrisation {
    /// The noise. The error of x_0 grows with sigma.
    #[default]
    Epsilon,
    /// The image without noise.
    X0,
    /// `sqrt(abar) noise - sqrt(1 - abar) x_0` (Salimans & Ho 2022): bounded at every noise level.
    V,
    /// The preconditioning of Karras et al. 2022: input, output and loss of unit variance at every noise level where
    /// `sigma_data` is the true deviation, and with one for each coefficient also in every coefficient.
    Edm {
        /// Standard deviation of the images.
        #[serde(default)]
        sigma_data: SigmaData,
    },
    /// What a normal distribution of images leaves open; see [`GaussianSkip`].
    Gaussian(GaussianSkip),
}

impl Parametrisation {
    /// The preconditioning at a noise level, given by abar. `time` is the timestep as the network wants it; EDM has its own.
    ///
    /// # Errors
    /// [`Setting`](diph_network::Error::Setting) with [`Parametrisation::Gaussian`], which mixes coefficients and pixels.
    pub fn preconditioning(&self, abar: f64, time: f64) -> Result<Preconditioning> {
        let sigma = ((1.0 - abar) / abar).sqrt();
        let variance_preserving = |skip, output| {
            let all = CoefficientPreconditioning { input: abar.sqrt(), skip, output };
            Preconditioning { coefficients: vec![all], time }
        };
        Ok(match self {
            Self::Epsilon => variance_preserving(1.0, -sigma),
            Self::X0 => variance_preserving(0.0, 1.0),
            Self::V => variance_preserving(abar, -(1.0 - abar).sqrt()),
            Self::Edm { sigma_data } => Preconditioning {
                coefficients: sigma_data.values().iter().map(|sigma_data| edm(sigma, *sigma_data)).collect(),
                time: noise_time(sigma),
            },
            Self::Gaussian(_) => {
                let expected = "a parametrisation that takes every value by itself (this one takes whole images)";
                return Err(Error::setting("diffusion.parametrisation", expected, "gaussian"));
            }
        })
    }

    /// The parametrisation around a normal distribution, if this is it.
    pub fn gaussian(&self) -> Option<&GaussianSkip> {
        match self {
            Self::Gaussian(skip) => Some(skip),
            _ => None,
        }
    }

    /// Whether the network is told a noise level instead of a timestep.
    pub fn takes_any_noise(&self) -> bool {
        matches!(self, Self::Edm { .. } | Self::Gaussian(_))
    }
}

fn edm(sigma: f64, sigma_data: f64) -> CoefficientPreconditioning {
    let total = (sigma * sigma + sigma_data * sigma_data).sqrt();
    CoefficientPreconditioning {
        input: 1.0 / total,
        skip: (sigma_data / total).powi(2),
        output: sigma * sigma_data / total,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> [Parametrisation; 5] {
        let [one, each] = [0.7.into(), vec![0.7, 0.05].into()].map(|sigma_data| Parametrisation::Edm { sigma_data });
        [Parametrisation::Epsilon, Parametrisation::X0, Parametrisation::V, one, each]
    }

    /// The network's target `(x_0 - skip y) / output` against each definition.
    #[test]
    fn targets_are_what_the_names_say() {
        let (clean, noise) = (0.8, -1.3);
        for abar in [0.9999_f64, 0.5, 0.01] {
            let sigma = ((1.0 - abar) / abar).sqrt();
            let noisy = clean + sigma * noise;
            let target = |parametrisation: Parametrisation| {
                let p = parametrisation.preconditioning(abar, 0.0).unwrap().coefficients[0];
                (clean - p.skip * noisy) / p.output
            };
            assert!((target(Parametrisation::Epsilon) - noise).abs() < 1e-9);
            assert!((target(Parametrisation::X0) - clean).abs() < 1e-9);
            let v = abar.sqrt() * noise - (1.0 - abar).sqrt() * clean;
            assert!((target(Parametrisation::V) - v).abs() < 1e-9);
        }
    }

    #[test]
    fn edm_has_unit_variance_in_every_coefficient() {
        let deviations = [0.7, 0.3, 0.02];
        let parametrisation = Parametrisation::Edm { sigma_data: deviations.to_vec().into() };
        for abar in [0.9999, 0.5, 0.01] {
            let sigma_squared = (1.0 - abar) / abar;
            let preconditioning = parametrisation.preconditioning(abar, 0.0).unwrap();
            assert_eq!(preconditioning.coefficients.len(), deviations.len());
            for (p, deviation) in preconditioning.coefficients.iter().zip(deviations) {
                let input_variance = p.input.powi(2) * (deviation.powi(2) + sigma_squared);
                let residual = (1.0 - p.skip).powi(2) * deviation.powi(2) + p.skip.powi(2) * sigma_squared;
                assert!((input_variance - 1.0).abs() < 1e-12);
                assert!((residual / p.output.powi(2) - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn reads_and_writes_as_json() -> Result<(), serde_json::Error> {
        for parametrisation in all() {
            let text = serde_json::to_string(&parametrisation)?;
            assert_eq!(serde_json::from_str::<Parametrisation>(&text)?, parametrisation);
        }
        let read = |text| serde_json::from_str::<Parametrisation>(text);
        assert_eq!(read(r#""x0""#)?, Parametrisation::X0);
        assert_eq!(read(r#"{ "edm": { "sigma_data": 0.5 } }"#)?, Parametrisation::Edm { sigma_data: 0.5.into() });
        assert_eq!(read(r#"{ "edm": {} }"#)?, Parametrisation::Edm { sigma_data: SigmaData::default() });
        Ok(())
    }
}
