//! The samples of a run, from its configuration.

use std::path::PathBuf;
use std::sync::Arc;

use diph_bloch::Sequence;
use diph_datasets::{DatasetFolder, SliceId};
use diph_plugin_host::{Provenance, Registry};

use super::{
    Augmentation, DataConfig, FolderImages, ImageSource, MapsSource, Measurement, PhantomSource, ResponseTable, RunConfig,
    SamplePart, SignalModel, SimulatedSamples, TsmiSource,
};
use crate::inputs::{AcquisitionSource, DemoAcquisition, SequenceSource};
use crate::output::{AppError, Blame};
use crate::reconstruction::{Acquisition, ConditionImage};

/// Samples to train on, and others to see how it goes.
pub struct TrainingData {
    /// What training sees.
    pub training: SimulatedSamples,
    /// What it does not see, without augmentation; absent where nothing is held out.
    pub validation: Option<SimulatedSamples>,
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
    pub fn open(registry: &Registry, config: &RunConfig) -> Result<Self, AppError> {
        let condition = condition(config)?;
        let mut parts = Parts::new(registry, config)?;
        let (mut training, mut validation) = (Vec::new(), Vec::new());
        if let Some(root) = &config.data.dataset {
            let folder = DatasetFolder::open(root).flag("--dataset")?;
            let slices = parts.slices(&folder, &config.data.vols, "--vols")?;
            let size = parts.size_of_first(&folder, &slices)?;
            let share = if config.data.phantom.is_some() { 1.0 - config.data.phantom_share } else { 1.0 };
            training.push(parts.folder_part(&folder, &slices, size, share)?);
            if !config.data.validation_vols.is_empty() {
                let slices = parts.slices(&folder, &config.data.validation_vols, "--validation-vols")?;
                validation.push(parts.folder_part(&folder, &slices, size, 1.0)?);
            }
        }
        if let Some([height, width]) = config.data.phantom {
            let share = config.data.phantom_share;
            training.push(parts.phantom_part((height, width), PhantomSource::TRAINING_SUBJECTS, share)?);
            validation.push(parts.phantom_part((height, width), PhantomSource::VALIDATION_SUBJECTS, 1.0)?);
        }
        let samples = |parts, augmentation| SimulatedSamples {
            seed: config.training.seed,
            image_size: config.training.model.unet.image_size,
            parts,
            augmentation,
            condition,
            intensity: config.training.model.intensity,
        };
        Ok(Self {
            training: samples(training, config.data.augmentation),
            validation: (!validation.is_empty()).then(|| samples(validation, Augmentation::NONE)),
            operator: registry.provenance(&config.data.operator).step("looking for the operator")?,
            files: parts.files,
        })
    }
}

/// The condition image by the name that the model has for it.
fn condition(config: &RunConfig) -> Result<Option<ConditionImage>, AppError> {
    let model = &config.training.model;
    let parse = |name: &str| name.parse().map_err(|message: String| AppError::usage("training.model.condition", message));
    match (&model.condition, model.unet.conditional) {
        (None, false) => Ok(None),
        (Some(name), true) => parse(name).map(Some),
        (None, true) => Err(AppError::usage("training.model.condition", "expected `adjoint` or `cg-N`, got none")),
        (Some(name), false) => {
            let message = format!("expected none with an unconditional network (`conditional` is false), got `{name}`");
            Err(AppError::usage("training.model.condition", message))
        }
    }
}

/// Makes parts of a mixture; what they share is made once.
struct Parts<'a> {
    registry: &'a Registry,
    data: &'a DataConfig,
    coefficients: usize,
    demo: Option<DemoAcquisition>,
    model: Option<Arc<SignalModel>>,
    measurements: Vec<((usize, usize), Arc<Measurement>)>,
    files: Vec<PathBuf>,
}

impl<'a> Parts<'a> {
    fn new(registry: &'a Registry, config: &'a RunConfig) -> Result<Self, AppError> {
        let coefficients = config.training.model.unet.coefficients;
        let demo = match config.data.acquisition {
            Some(_) => None,
            None => Some(DemoAcquisition::new((1, 1), coefficients).step("training.model.unet.coefficients")?),
        };
        let (data, measurements, files) = (&config.data, Vec::new(), Vec::new());
        Ok(Self { registry, data, coefficients, demo, model: None, measurements, files })
    }

    fn folder_part(
        &mut self,
        folder: &DatasetFolder,
        slices: &[SliceId],
        size: (usize, usize),
        share: f64,
    ) -> Result<SamplePart, AppError> {
        let (measurement, model) = self.measurement(size)?;
        let images: Box<dyn ImageSource> = match self.data.images {
            FolderImages::Maps => Box::new(MapsSource::read(folder, slices, size, model)?),
            FolderImages::Tsmi => {
                Box::new(TsmiSource::read(folder, slices, self.data.cut, (self.coefficients, size.0, size.1))?)
            }
        };
        let files: Vec<PathBuf> = slices.iter().map(|id| self.path(folder, *id)).collect();
        self.files.extend(files);
        Ok(SamplePart { share, images, measurement })
    }

    fn phantom_part(
        &mut self,
        size: (usize, usize),
        subjects: std::ops::Range<u64>,
        share: f64,
    ) -> Result<SamplePart, AppError> {
        let (measurement, model) = self.measurement(size)?;
        Ok(SamplePart { share, images: Box::new(PhantomSource::new(size, subjects, model)), measurement })
    }

    /// The measurement of images of a size, and how maps become images.
    fn measurement(&mut self, size: (usize, usize)) -> Result<(Arc<Measurement>, Arc<SignalModel>), AppError> {
        if let (Some((_, measurement)), Some(model)) =
            (self.measurements.iter().find(|(other, _)| *other == size), &self.model)
        {
            return Ok((measurement.clone(), model.clone()));
        }
        let acquisition = self.acquisition(size)?;
        let model = match &self.model {
            Some(model) => model.clone(),
            None => self.model.insert(Arc::new(self.signal_model(&acquisition)?)).clone(),
        };
        let operator = &self.data.operator;
        let measurement = Measurement::new(self.registry, operator, &acquisition, self.data.noise);
        let measurement = Arc::new(measurement.step("creating the operator")?);
        self.measurements.push((size, measurement.clone()));
        Ok((measurement, model))
    }

    fn acquisition(&mut self, image_size: (usize, usize)) -> Result<Acquisition, AppError> {
        if let Some(demo) = &self.demo {
            return Ok(Acquisition { image_size, ..demo.acquisition.clone() });
        }
        let root = self.data.acquisition.clone().unwrap_or_default();
        let folder = DatasetFolder::open(&root).flag("--acquisition")?;
        let source =
            AcquisitionSource { coefficients: self.coefficients, ..AcquisitionSource::of_folder(&folder, self.data.cut) };
        let acquisition = source.read(image_size)?;
        for file in source.files() {
            if !self.files.contains(&file) {
                self.files.push(file);
            }
        }
        Ok(acquisition)
    }

    fn signal_model(&self, acquisition: &Acquisition) -> Result<SignalModel, AppError> {
        let basis = acquisition.dictionary.basis();
        let table = |sequence: &Sequence| ResponseTable::new(sequence, basis).map(SignalModel::Exact);
        match (&self.demo, &self.data.sequence) {
            (Some(demo), _) => table(&demo.sequence).step("simulating responses"),
            (None, Some(name)) => {
                let source: SequenceSource = name.parse().flag("--sequence")?;
                table(&source.read(Sequence::CUTS[self.data.cut])?).flag("--sequence")
            }
            (None, None) => Ok(SignalModel::Nearest(acquisition.dictionary.clone())),
        }
    }

    /// Slices of these volumes that training may take; all volumes and slices that were named must be there.
    fn slices(&self, folder: &DatasetFolder, vols: &[usize], flag: &str) -> Result<Vec<SliceId>, AppError> {
        let here = folder.root().display();
        let present: Vec<SliceId> = folder
            .slices(self.data.cut)
            .file(folder.root())?
            .into_iter()
            .filter(|id| self.path(folder, *id).exists())
            .collect();
        if let Some(vol) = vols.iter().find(|vol| !present.iter().any(|id| id.vol == **vol)) {
            return Err(AppError::usage(flag, format!("no volume {vol} with {} in {here}", self.what())));
        }
        let wanted = |numbers: &[usize], number| numbers.is_empty() || numbers.contains(&number);
        let of_vols: Vec<SliceId> = present.into_iter().filter(|id| wanted(vols, id.vol)).collect();
        let slices = &self.data.slices;
        if let Some(slice) = slices.iter().find(|slice| !of_vols.iter().any(|id| id.slice == **slice)) {
            return Err(AppError::usage("--slices", format!("no slice {slice} with {} in {here}", self.what())));
        }
        let found: Vec<SliceId> = of_vols.into_iter().filter(|id| wanted(slices, id.slice)).collect();
        match found.is_empty() {
            true => Err(AppError::input(folder.root(), format!("expected slices with {}, found none", self.what()))),
            false => Ok(found),
        }
    }

    fn size_of_first(&self, folder: &DatasetFolder, slices: &[SliceId]) -> Result<(usize, usize), AppError> {
        // Never empty: `slices` has seen to it.
        let id = slices[0];
        let path = self.path(folder, id);
        match self.data.images {
            FolderImages::Maps => Ok(folder.maps(id).file(&path)?.dim()),
            FolderImages::Tsmi => {
                let (_, height, width) = folder.reference_tsmi(id, self.data.cut).file(&path)?.dim();
                Ok((height, width))
            }
        }
    }

    fn path(&self, folder: &DatasetFolder, id: SliceId) -> PathBuf {
        match self.data.images {
            FolderImages::Maps => folder.maps_path(id),
            FolderImages::Tsmi => folder.reference_tsmi_path(id, self.data.cut),
        }
    }

    fn what(&self) -> &'static str {
        match self.data.images {
            FolderImages::Maps => "maps (`qmaps`)",
            FolderImages::Tsmi => "a reference TSMI (`reference_tsmi`)",
        }
    }
}
