//! The samples of a run, from its configuration.

use std::path::{Path, PathBuf};

use diph_datasets::DatasetFolder;
use diph_diffusion::{IntensityConfig, SampleSource, TrainingSample};
use diph_plugin_host::{Provenance, Registry};
use ndarray::{Array2, Array3};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::mixture::Mixture;
use crate::{Augmentation, PhantomSource, RunConfig, SimulatedSamples};
use diph_recon::method::Method;
use diph_recon::{Blame, ConditionImage, ReconError};

/// Images that factors are measured on, and the share of values below them.
const MEASURED_SAMPLES: u64 = 32;
const PERCENTILE: f64 = 0.95;

/// Samples to train on, and others to see how it goes.
pub struct TrainingData {
    /// What training sees.
    pub training: SimulatedSamples,
    /// What it does not see, without augmentation; absent where nothing is held out.
    pub validation: Option<SimulatedSamples>,
    /// Temporal basis (frame, coefficient) of the images.
    pub basis: Array2<f32>,
    /// Files that were read.
    pub files: Vec<PathBuf>,
    /// The plugin that measures.
    pub operator: Provenance,
}

impl TrainingData {
    /// Reads and prepares everything that the configuration names.
    ///
    /// # Errors
    /// Naming the key, the file or the plugin to blame.
    pub fn open(registry: &Registry, config: &RunConfig) -> Result<Self, ReconError> {
        let condition = condition(config)?;
        let mut parts = Mixture::new(registry, &config.data, config.training.model.unet.coefficients)?
            .with_condition(condition.clone());
        let gaussian = config.training.model.diffusion.parametrisation.gaussian().is_some();
        let mut basis = None;
        let (mut training, mut validation) = (Vec::new(), Vec::new());
        if let Some(root) = &config.data.dataset {
            let folder = DatasetFolder::open(root).file(root)?;
            let slices = parts.slices(&folder, &config.data.vols, "data.vols")?;
            let size = parts.size_of_first(&folder, &slices)?;
            basis = Some(parts.signal(size)?.basis);
            let share = if config.data.phantom.is_some() { 1.0 - config.data.phantom_share } else { 1.0 };
            training.push(parts.folder_part(&folder, &slices, size, share, config.data.map_variation)?);
            if !config.data.validation_vols.is_empty() {
                let slices = parts.slices(&folder, &config.data.validation_vols, "data.validation_vols")?;
                validation.push(parts.folder_part(&folder, &slices, size, 1.0, None)?);
            }
        }
        if let Some([height, width]) = config.data.phantom {
            let share = config.data.phantom_share;
            basis = Some(parts.signal((height, width))?.basis);
            training.push(parts.phantom_part((height, width), PhantomSource::TRAINING_SUBJECTS, share)?);
            validation.push(parts.phantom_part((height, width), PhantomSource::VALIDATION_SUBJECTS, 1.0)?);
        }
        let samples = |parts, augmentation| SimulatedSamples {
            seed: config.training.seed,
            // A network with the parametrisation `gaussian` sees images of every size.
            image_size: (!gaussian).then_some(config.training.model.unet.image_size),
            parts,
            augmentation,
            condition: condition.clone(),
            intensity: config.training.model.intensity,
        };
        let mut files = parts.files;
        files.extend(config.data.condition_method.clone());
        if let Some(ConditionImage::Method(method)) = &condition {
            files.extend(method.files());
        }
        Ok(Self {
            training: samples(training, config.data.augmentation),
            validation: (!validation.is_empty()).then(|| samples(validation, Augmentation::NONE)),
            operator: registry.provenance(&config.data.operator).step("looking for the operator")?,
            basis: basis.ok_or_else(|| ReconError::setting("data", "expected `dataset`, `phantom` or both"))?,
            files,
        })
    }

    /// Divides images by factors of the training set from now on: the 95th percentile of |Re| and |Im| over its first
    /// images, and of their condition images, where there are any.
    ///
    /// # Errors
    /// When an image cannot be made, or nearly all of them is zero.
    pub fn measure_factors(&mut self) -> Result<IntensityConfig, ReconError> {
        let units = IntensityConfig { reference_factor: Some(1.0), condition_factor: Some(1.0) };
        let raw = SimulatedSamples { intensity: units, augmentation: Augmentation::NONE, ..self.training.clone() };
        let samples: Vec<TrainingSample> = (0..MEASURED_SAMPLES)
            .into_par_iter()
            .map(|number| raw.sample(number))
            .collect::<Result<_, _>>()
            .step("measuring the images")?;
        let factors = IntensityConfig {
            reference_factor: Some(typical_value(samples.iter().map(|sample| &sample.clean))),
            condition_factor: self
                .training
                .condition
                .as_ref()
                .map(|_| typical_value(samples.iter().filter_map(|sample| sample.condition.as_ref()))),
        };
        factors.check().step("measuring the images")?;
        self.training.intensity = factors;
        if let Some(validation) = &mut self.validation {
            validation.intensity = factors;
        }
        Ok(factors)
    }
}

/// The 95th percentile of |Re| and |Im|.
fn typical_value<'a>(images: impl Iterator<Item = &'a Array3<Complex32>>) -> f32 {
    let mut values: Vec<f32> = images.flatten().flat_map(|value| [value.re.abs(), value.im.abs()]).collect();
    let index = (values.len() as f64 * PERCENTILE) as usize;
    match index < values.len() {
        true => *values.select_nth_unstable_by(index, f32::total_cmp).1,
        false => 0.0,
    }
}

/// The condition image of a name, made by the method of a file where one is given.
fn condition_of_name(name: &str, file: Option<&Path>) -> Result<ConditionImage, ReconError> {
    let mut found = match file {
        Some(file) => ConditionImage::Method(Method::read(&file.display().to_string(), &[])?.into()),
        None => name.parse().map_err(|message: String| ReconError::setting("training.model.condition", message))?,
    };
    if found.to_string() != name {
        let message = format!("expected a method of the name `{name}`, that of the model's condition, got `{found}`");
        return Err(ReconError::setting("data.condition_method", message));
    }
    if let ConditionImage::Method(method) = &mut found {
        for estimator in method.estimator.iter_mut().chain(&mut method.refinement) {
            // The mean over mirror images is a little better and takes four times as long.
            estimator.options.insert("mirrors".into(), false.into());
        }
    }
    Ok(found)
}

/// The condition image by the name that the model has for it.
fn condition(config: &RunConfig) -> Result<Option<ConditionImage>, ReconError> {
    let model = &config.training.model;
    let gaussian = model.diffusion.parametrisation.gaussian().is_some();
    match (&model.condition, model.unet.conditional || gaussian && model.condition.is_some()) {
        (None, false) => Ok(None),
        (Some(name), true) => condition_of_name(name, config.data.condition_method.as_deref()).map(Some),
        (None, true) => Err(ReconError::setting(
            "training.model.condition",
            "expected `adjoint`, `cg-N` or the name of a built-in method, got none",
        )),
        (Some(name), false) => {
            let message = format!("expected none with an unconditional network (`conditional` is false), got `{name}`");
            Err(ReconError::setting("training.model.condition", message))
        }
    }
}
