//! The configuration of a training run.

use std::path::PathBuf;

use diph_diffusion::TrainingConfig;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::DataConfig;
use diph_recon::config::{ConfigError, Override, first_difference, load, parse_json};
use diph_recon::{Blame, ReconError};

const DEFAULT: &str = include_str!("default.json");
const RECIPE: &str = include_str!("recipe.json");

/// Everything that decides a training run: `config.json` of its folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// What is trained on.
    #[serde(default)]
    pub data: DataConfig,
    /// The network and how it is trained.
    pub training: TrainingConfig,
    /// Network of the same architecture whose weights the run begins with; random ones where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_from: Option<PathBuf>,
}

impl RunConfig {
    /// The configuration that holds where no other is given: a network that a processor can train.
    ///
    /// # Errors
    /// Never; the text is part of the program and a test reads it.
    pub fn built_in() -> Result<Value, ConfigError> {
        parse_json(DEFAULT, "the built-in training configuration")
    }

    /// The configuration of the diffusion prior of a recipe, around the signal of a regression network's maps.
    ///
    /// # Errors
    /// Never; the text is part of the program and a test reads it.
    pub fn recipe() -> Result<Value, ConfigError> {
        parse_json(RECIPE, "the recipe's training configuration")
    }

    /// Lays overrides over a base and checks the result; `origin` is the base's file or name.
    ///
    /// # Errors
    /// Naming the key that is wrong.
    pub fn load(base: Value, origin: &str, overrides: &[Override]) -> Result<Self, ReconError> {
        let mut config: Self = load(base, origin, overrides)?;
        config.training.model.complete();
        config.data.check().setting("the training configuration")?;
        Ok(config)
    }

    /// The first key (in order) in which two configurations differ, with both values.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let (a, b) = (serde_json::to_value(self).ok()?, serde_json::to_value(other).ok()?);
        first_difference(&a, &b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(changes: &[&str]) -> Result<RunConfig, ReconError> {
        let changes: Vec<Override> = changes.iter().map(|text| text.parse().unwrap()).collect();
        RunConfig::load(RunConfig::built_in().unwrap(), "built-in", &changes)
    }

    #[test]
    fn the_built_in_configuration_is_valid_once_sizes_are_measured() {
        let config =
            config(&["data.phantom=[224,224]", "training.model.diffusion.parametrisation.edm.sigma_data=0.3"]).unwrap();
        config.training.check().unwrap();
        assert_eq!(config.first_difference(&config), None);
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<RunConfig>(&text).unwrap(), config);
    }

    #[test]
    fn the_configuration_of_the_recipe_is_valid_with_a_condition() {
        let changes = ["data.dataset=data", "training.model.condition=unet", "data.condition_method=unet.json"];
        let changes: Vec<Override> = changes.iter().map(|text| text.parse().unwrap()).collect();
        let config = RunConfig::load(RunConfig::recipe().unwrap(), "recipe", &changes).unwrap();
        assert!(config.training.model.diffusion.parametrisation.gaussian().is_some());
    }

    #[test]
    fn the_first_difference_is_named() {
        let (a, b) =
            (config(&["data.phantom=[9,9]"]).unwrap(), config(&["data.phantom=[9,9]", "training.batch=7"]).unwrap());
        assert_eq!(a.first_difference(&b).unwrap(), "`training.batch` is 2, and 7 is asked for");
    }

    #[test]
    fn nonsense_is_named() {
        for (change, key) in [
            ("data.phantom=null", "`phantom`"),
            ("data.noise=[2,1]", "data.noise"),
            ("data.phantom_share=1", "data.phantom_share"),
            ("data.cut=9", "data.cut"),
            ("data.sequence=fisp", "data.acquisition"),
            ("data.augmentation.intensity=0.5", "data.augmentation.intensity"),
            ("training.stepps=3", "stepps"),
        ] {
            let error = config(&["data.phantom=[9,9]", change]).unwrap_err().to_string();
            assert!(error.contains(key), "{change}: {error}");
        }
    }
}
