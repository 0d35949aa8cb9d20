//! What a network is trained on.

use std::path::PathBuf;

use diph_datasets::{NoiseLevel, REFERENCE_NOISE};
use serde::{Deserialize, Serialize};

use super::{Augmentation, FolderImages};
use crate::inputs::DemoAcquisition;
use crate::simulation::DEFAULT_OPERATOR;

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
    /// Operator that measures.
    pub operator: String,
    /// Least and greatest standard deviation of the noise per complex sample.
    pub noise: [f64; 2],
    /// Changes of the images.
    pub augmentation: Augmentation,
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
            operator: DEFAULT_OPERATOR.into(),
            noise,
            augmentation: Augmentation::default(),
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
        if !(self.phantom_share > 0.0 && self.phantom_share < 1.0) {
            return Err(format!("data.phantom_share: expected a number between 0 and 1, got {}", self.phantom_share));
        }
        if !(least > 0.0 && least <= greatest && greatest.is_finite()) {
            return Err(format!("data.noise: expected two positive numbers in order, got {:?}", self.noise));
        }
        if !(intensity >= 1.0 && intensity.is_finite()) {
            return Err(format!("data.augmentation.intensity: expected a factor of at least 1, got {intensity}"));
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
            Some(vol) if self.dataset.is_some() => {
                Err(format!("data.validation_vols: volume {vol} is also trained on; leave it out of `data.vols`"))
            }
            _ => Ok(()),
        }
    }
}
