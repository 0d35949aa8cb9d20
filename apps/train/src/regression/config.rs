//! The configuration of a regression network's training.

use std::path::PathBuf;

use diph_datasets::MASK_THRESHOLD;
use diph_network::UNetConfig;
use diph_recon::config::{ConfigError, Override, load, parse_json};
use diph_recon::{Blame, ReconError};
use diph_regression::{Normalisation, OUTPUTS, RegressionConfig, TrainingConfig, TrainingSettings};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::MapVariation;
use crate::{Augmentation, DataConfig, FolderImages};

const DEFAULT: &str = include_str!("../regression.json");

/// Everything that decides a run: `config.json` of its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegressionRunConfig {
    /// Which maps are trained on, and how they are measured.
    #[serde(default)]
    pub data: DataConfig,
    /// How maps are varied before they are measured.
    #[serde(default)]
    pub variation: MapVariation,
    /// Spectrum of the Gaussian prior for the linear estimate; without one that of those that come with Diph that is of the
    /// acquisition's temporal basis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spectrum: Option<PathBuf>,
    /// Weights of a first stage, for a run that trains the second stage of its cascade; without them a run trains a first stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_stage: Option<PathBuf>,
    /// Weights that training starts from: a committed average of a network of the same architecture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_from: Option<PathBuf>,
    /// Voxels with a proton density above this count fully, and are what validation is about.
    #[serde(default = "default_mask_threshold")]
    pub mask_threshold: f32,
    /// The architecture. Numbers of planes that go in and out follow from the coefficients.
    pub unet: UNetConfig,
    /// How it is trained.
    pub training: TrainingSettings,
}

fn default_mask_threshold() -> f32 {
    MASK_THRESHOLD
}

impl RegressionRunConfig {
    /// The configuration that holds where no other is given.
    ///
    /// # Errors
    /// Never; the text is part of the program and a test reads it.
    pub fn built_in() -> Result<Value, ConfigError> {
        parse_json(DEFAULT, "the built-in configuration of regression")
    }

    /// Lays overrides over a base and checks the result; `origin` is the base's file or name.
    ///
    /// # Errors
    /// Naming the key that is wrong.
    pub fn load(base: Value, origin: &str, overrides: &[Override]) -> Result<Self, ReconError> {
        let mut config: Self = load(base, origin, overrides)?;
        let inputs = RegressionConfig::input_planes(config.unet.coefficients, config.first_stage.is_some());
        config.unet.input_channels.get_or_insert(inputs);
        config.unet.output_channels.get_or_insert(OUTPUTS);
        config.check()?;
        Ok(config)
    }

    /// The training of a network of this architecture for an acquisition that nothing is known of yet: enough for its memory and time.
    pub(crate) fn for_estimates(&self) -> TrainingConfig {
        let normalisation = Normalisation {
            scale: 1.0,
            sizes: vec![1.0; self.unet.coefficients],
            phase_coefficient: 0,
            phase_blur: 1.0,
            residual_sizes: self.first_stage.as_ref().map(|_| vec![1.0; self.unet.coefficients]),
        };
        let (t1, t2, basis) = ([0.01, 8.0], [0.001, 6.0], Vec::new());
        let model = RegressionConfig { unet: self.unet.clone(), normalisation, t1, t2, basis, training: None };
        TrainingConfig { model, settings: self.training.clone() }
    }

    /// Files that the run reads besides its data.
    pub(crate) fn network_files(&self) -> impl Iterator<Item = PathBuf> {
        [&self.spectrum, &self.first_stage, &self.init_from].into_iter().flatten().cloned()
    }

    fn check(&self) -> Result<(), ReconError> {
        self.data.check().setting("the training configuration")?;
        self.variation.check()?;
        if self.data.images != FolderImages::Maps {
            let message = "expected `maps`: a regression network learns T1, T2 and proton density from maps";
            return Err(ReconError::setting("data.images", message));
        }
        let of_images = [
            ("data.augmentation", self.data.augmentation != Augmentation::default()),
            ("data.map_variation", self.data.map_variation.is_some()),
        ];
        if let Some((key, _)) = of_images.into_iter().find(|(_, given)| *given) {
            return Err(ReconError::setting(key, "has no effect here, where `variation` changes maps; leave it out"));
        }
        if !(self.mask_threshold.is_finite() && self.mask_threshold > 0.0) {
            return Err(ReconError::setting(
                "mask_threshold",
                format!("expected a positive number, got {}", self.mask_threshold),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(changes: &[&str]) -> Result<RegressionRunConfig, ReconError> {
        let changes: Vec<Override> = changes.iter().map(|text| text.parse().unwrap()).collect();
        RegressionRunConfig::load(RegressionRunConfig::built_in().unwrap(), "built-in", &changes)
    }

    #[test]
    fn planes_follow_from_the_coefficients() {
        let config = load(&["data.phantom=[32,32]", "unet.coefficients=3"]).unwrap();
        assert_eq!((config.unet.input_channels, config.unet.output_channels), (Some(8), Some(4)));
        let second = load(&["data.phantom=[32,32]", "unet.coefficients=3", "first_stage=first.safetensors"]).unwrap();
        assert_eq!(second.unet.input_channels, Some(18), "also the residual and the maps");
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<RegressionRunConfig>(&text).unwrap(), config);
    }

    #[test]
    fn what_has_no_effect_is_refused() {
        for (change, key) in [
            ("data.augmentation.flip=false", "data.augmentation"),
            ("mask_threshold=0", "mask_threshold"),
            ("variation.zoom=[2,1]", "variation.zoom"),
            ("variation.proton_density=[0,1]", "variation.proton_density"),
            ("training.stepps=3", "stepps"),
        ] {
            let error = load(&["data.phantom=[32,32]", change]).unwrap_err().to_string();
            assert!(error.contains(key), "{change}: {error}");
        }
        let error = load(&["data.dataset=nowhere", "data.images=tsmi"]).unwrap_err().to_string();
        assert!(error.contains("data.images"), "{error}");
    }
}
