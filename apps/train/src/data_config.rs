//! What a network is trained on.

use std::path::PathBuf;

use diph_datasets::{NoiseLevel, REFERENCE_NOISE};
use diph_recon::DEFAULT_OPERATOR;
use diph_recon::acquisition::DemoAcquisition;
use serde::{Deserialize, Serialize};

use crate::{Augmentation, MapVariation};

/// Images, how they are measured, and how they are varied: the section `data` of a training configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Data folder with images to train on.
    pub dataset: Option<PathBuf>,
    /// Which files of the folder are the images.
    pub images: FolderImages,
    /// Volumes of the folder; all where the list is empty.
    pub vols: Vec<usize>,
    /// Slices of each volume; all where the list is empty.
    pub slices: Vec<usize>,
    /// Volumes of the folder that are held out: validation shows them, training does not see them.
    pub validation_vols: Vec<usize>,
    /// Height and width of procedural brains to train on.
    pub phantom: Option<[usize; 2]>,
    /// Share of the phantom among the images, where there is a data folder too.
    pub phantom_share: f64,
    /// Data folder with the trajectory and the dictionary; the acquisition of `diph demo` where there is none.
    pub acquisition: Option<PathBuf>,
    /// Number of the cut in the names of the folder's files: 0 to 4 for 1000, 500, 300, 200 and 100 frames.
    pub cut: usize,
    /// Sequence of the acquisition folder (fisp, deli-cs, or a JSON file), with which every voxel is simulated exactly instead
    /// of being looked up in the dictionary.
    pub sequence: Option<String>,
    /// Method file that makes the condition image, instead of the built-in method of the condition's name.
    pub condition_method: Option<PathBuf>,
    /// Operator that measures.
    pub operator: String,
    /// Least and greatest standard deviation of the noise per complex sample.
    pub noise: [f64; 2],
    /// Changes of the images.
    pub augmentation: Augmentation,
    /// Changes of the folder's maps before they become images; none where absent.
    pub map_variation: Option<MapVariation>,
}

impl Default for DataConfig {
    fn default() -> Self {
        // Half to twice the noise of the Python code's files.
        let noise = match REFERENCE_NOISE {
            NoiseLevel::StandardDeviation(deviation) => [0.5 * deviation, 2.0 * deviation],
            NoiseLevel::SnrDb(_) => [0.0, 0.0],
        };
        Self {
            dataset: None,
            images: FolderImages::default(),
            vols: Vec::new(),
            slices: Vec::new(),
            validation_vols: Vec::new(),
            phantom: None,
            phantom_share: 0.5,
            acquisition: None,
            cut: DemoAcquisition::CUT,
            sequence: None,
            condition_method: None,
            operator: DEFAULT_OPERATOR.into(),
            noise,
            augmentation: Augmentation::default(),
            map_variation: None,
        }
    }
}

impl DataConfig {
    /// Fails on numbers that make no sense.
    ///
    /// # Errors
    /// The key, what was expected and what came.
    pub fn check(&self) -> Result<(), String> {
        let Self { noise: [least, greatest], augmentation: Augmentation { intensity, .. }, .. } = *self;
        if self.dataset.is_none() && self.phantom.is_none() {
            return Err("data: expected `dataset`, `phantom` or both to train on, got neither".into());
        }
        self.check_used()?;
        if !(self.phantom_share > 0.0 && self.phantom_share < 1.0) {
            return Err(format!("data.phantom_share: expected a number between 0 and 1, got {}", self.phantom_share));
        }
        if !(least > 0.0 && least <= greatest && greatest.is_finite()) {
            return Err(format!("data.noise: expected two positive numbers in order, got {:?}", self.noise));
        }
        if !(intensity >= 1.0 && intensity.is_finite()) {
            return Err(format!("data.augmentation.intensity: expected a factor of at least 1, got {intensity}"));
        }
        if let Some(variation) = &self.map_variation {
            variation.check().map_err(|error| format!("data.map_variation: {error}"))?;
        }
        if self.cut >= diph_bloch::Sequence::CUTS.len() {
            return Err(format!("data.cut: expected 0 to 4, got {}", self.cut));
        }
        if self.acquisition.is_none() && self.cut != DemoAcquisition::CUT {
            let own = DemoAcquisition::CUT;
            return Err(format!(
                "data.cut: the built-in acquisition is that of {own}; expected `data.acquisition` too"
            ));
        }
        if self.sequence.is_some() && self.acquisition.is_none() {
            return Err("data.sequence: the built-in acquisition has its own; expected `data.acquisition` too".into());
        }
        match self.validation_vols.iter().find(|vol| self.vols.is_empty() || self.vols.contains(vol)) {
            Some(vol) => {
                Err(format!("data.validation_vols: volume {vol} is also trained on; leave it out of `data.vols`"))
            }
            None => Ok(()),
        }
    }

    /// Fails on a key that says something about images that are not trained on, so that none is passed over in silence.
    fn check_used(&self) -> Result<(), String> {
        let plain = Self::default();
        let no_folder = self.dataset.is_none();
        let no_mixture = no_folder || self.phantom.is_none();
        let no_maps = self.phantom.is_none() && self.images == FolderImages::Tsmi;
        const NO_FOLDER: &str = "there is no data folder that it selects from; set `data.dataset` or leave it out";
        const NO_MIXTURE: &str = "nothing is mixed; set both `data.dataset` and `data.phantom` or leave it out";
        const NO_MAPS: &str = "images are taken as they are, none is simulated; train on maps or leave it out";
        let unused = [
            (no_folder && !self.vols.is_empty(), "vols", NO_FOLDER),
            (no_folder && !self.slices.is_empty(), "slices", NO_FOLDER),
            (no_folder && !self.validation_vols.is_empty(), "validation_vols", NO_FOLDER),
            (no_folder && self.images != plain.images, "images", NO_FOLDER),
            (no_folder && self.map_variation.is_some(), "map_variation", NO_FOLDER),
            (self.images == FolderImages::Tsmi && self.map_variation.is_some(), "map_variation", NO_MAPS),
            (no_mixture && self.phantom_share != plain.phantom_share, "phantom_share", NO_MIXTURE),
            (no_maps && self.sequence.is_some(), "sequence", NO_MAPS),
        ];
        match unused.into_iter().find(|(unused, ..)| *unused) {
            Some((_, key, reason)) => Err(format!("data.{key}: has no effect: {reason}")),
            None => Ok(()),
        }
    }
}

/// Which files of a data folder are the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderImages {
    /// `qmaps`, from which images are simulated
    #[default]
    Maps,
    /// `reference_tsmi`, images as they are
    Tsmi,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_without_effect_are_refused() {
        let phantom = DataConfig { phantom: Some([9, 9]), ..DataConfig::default() };
        let folder = DataConfig { dataset: Some("data".into()), ..DataConfig::default() };
        let both = DataConfig { phantom: phantom.phantom, ..folder.clone() };
        for (config, key) in [
            (DataConfig { vols: vec![1], ..phantom.clone() }, "data.vols"),
            (DataConfig { slices: vec![1], ..phantom.clone() }, "data.slices"),
            (DataConfig { validation_vols: vec![1], ..phantom.clone() }, "data.validation_vols"),
            (DataConfig { images: FolderImages::Tsmi, ..phantom.clone() }, "data.images"),
            (DataConfig { phantom_share: 0.1, ..phantom.clone() }, "data.phantom_share"),
            (DataConfig { phantom_share: 0.1, ..folder.clone() }, "data.phantom_share"),
            (
                DataConfig {
                    images: FolderImages::Tsmi,
                    sequence: Some("fisp".into()),
                    acquisition: Some("data".into()),
                    ..folder.clone()
                },
                "data.sequence",
            ),
        ] {
            let error = config.check().unwrap_err();
            assert!(error.starts_with(&format!("{key}: has no effect")), "{error}");
        }
        for config in [phantom, folder, DataConfig { phantom_share: 0.1, vols: vec![1], ..both }] {
            assert_eq!(config.check(), Ok(()));
        }
    }
}
