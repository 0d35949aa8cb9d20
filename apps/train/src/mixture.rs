//! The sources of a mixture of samples.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use diph_bloch::Sequence;
use diph_core::ImageShape;
use diph_datasets::{DatasetFolder, SliceId};
use diph_plugin_host::Registry;
use ndarray::Array2;

use crate::{
    DataConfig, FolderImages, ImageSource, MapVariation, MapsSource, Measurement, PhantomSource, ResponseTable,
    SamplePart, SignalModel, TsmiSource,
};
use diph_recon::acquisition::{Acquisition, AcquisitionSource, DemoAcquisition, SequenceSource};
use diph_recon::slices::{Selection, select};
use diph_recon::{Blame, Cancel, ConditionImage, ReconError};

/// Makes the parts of a mixture of samples; what they share is made once.
pub(crate) struct Mixture<'a> {
    registry: &'a Registry,
    data: &'a DataConfig,
    coefficients: usize,
    condition: Option<ConditionImage>,
    demo: Option<DemoAcquisition>,
    model: Option<Arc<SignalModel>>,
    measurements: Vec<((usize, usize), Arc<Measurement>)>,
    /// Files that were read.
    pub files: Vec<PathBuf>,
}

/// From maps to images to a measurement.
pub(crate) struct Signal {
    /// How images are measured.
    pub measurement: Arc<Measurement>,
    /// How maps become images.
    pub model: Arc<SignalModel>,
    /// Temporal basis (frame, coefficient) of the images.
    pub basis: Array2<f32>,
}

impl<'a> Mixture<'a> {
    /// For the images of a configuration and an acquisition of so many coefficients; nothing is read yet.
    ///
    /// # Errors
    /// When there are no or too many coefficients.
    pub fn new(registry: &'a Registry, data: &'a DataConfig, coefficients: usize) -> Result<Self, ReconError> {
        let demo = match data.acquisition {
            Some(_) => None,
            None => Some(DemoAcquisition::new((1, 1), coefficients).step("coefficients of the network")?),
        };
        let (measurements, files) = (Vec::new(), Vec::new());
        Ok(Self { registry, data, coefficients, condition: None, demo, model: None, measurements, files })
    }

    /// The same for samples with a condition image.
    pub fn with_condition(self, condition: Option<ConditionImage>) -> Self {
        Self { condition, ..self }
    }

    /// Images of a data folder, the maps of which are varied.
    ///
    /// # Errors
    /// Naming the file that cannot be used.
    pub fn folder_part(
        &mut self,
        folder: &DatasetFolder,
        slices: &[SliceId],
        size: (usize, usize),
        share: f64,
        augmentation: Option<MapVariation>,
    ) -> Result<SamplePart, ReconError> {
        let (measurement, model) = self.measurement(size)?;
        let images: Arc<dyn ImageSource> = match self.data.images {
            FolderImages::Maps => Arc::new(MapsSource::read(folder, slices, size, model)?.varied(augmentation)),
            FolderImages::Tsmi => {
                Arc::new(TsmiSource::read(folder, slices, self.data.cut, (self.coefficients, size.0, size.1))?)
            }
        };
        let files: Vec<PathBuf> = slices.iter().map(|id| self.path(folder, *id)).collect();
        self.files.extend(files);
        Ok(SamplePart { share, images, measurement })
    }

    /// Procedural brains.
    ///
    /// # Errors
    /// Naming the file or the plugin to blame.
    pub fn phantom_part(
        &mut self,
        size: (usize, usize),
        subjects: Range<u64>,
        share: f64,
    ) -> Result<SamplePart, ReconError> {
        let (measurement, model) = self.measurement(size)?;
        Ok(SamplePart { share, images: Arc::new(PhantomSource::new(size, subjects, model)), measurement })
    }

    /// The measurement of images of a size, and how maps become images.
    fn measurement(&mut self, size: (usize, usize)) -> Result<(Arc<Measurement>, Arc<SignalModel>), ReconError> {
        if let (Some((_, measurement)), Some(model)) =
            (self.measurements.iter().find(|(other, _)| *other == size), &self.model)
        {
            return Ok((measurement.clone(), model.clone()));
        }
        let acquisition = self.acquisition(size)?;
        let model = self.model(&acquisition)?;
        let operator = &self.data.operator;
        let condition = self.condition.as_ref();
        let measurement = Measurement::new(self.registry, operator, &acquisition, self.data.noise, condition);
        let measurement = Arc::new(measurement.step("creating the operator")?);
        self.measurements.push((size, measurement.clone()));
        Ok((measurement, model))
    }

    /// How maps of a size become images, and images a measurement.
    ///
    /// # Errors
    /// Naming the file or the plugin to blame.
    pub fn signal(&mut self, size: (usize, usize)) -> Result<Signal, ReconError> {
        let (measurement, model) = self.measurement(size)?;
        Ok(Signal { measurement, model, basis: self.acquisition(size)?.dictionary.basis().to_owned() })
    }

    fn model(&mut self, acquisition: &Acquisition) -> Result<Arc<SignalModel>, ReconError> {
        if let Some(model) = &self.model {
            return Ok(model.clone());
        }
        let model = Arc::new(self.signal_model(acquisition)?);
        Ok(self.model.insert(model).clone())
    }

    /// The acquisition of images of a size.
    ///
    /// # Errors
    /// Naming the file that cannot be used.
    pub fn acquisition(&mut self, (height, width): (usize, usize)) -> Result<Acquisition, ReconError> {
        let image = ImageShape::plane(height, width);
        if let Some(demo) = &self.demo {
            return Ok(Acquisition { image, ..demo.acquisition.clone() });
        }
        let root = self.data.acquisition.clone().unwrap_or_default();
        let folder = DatasetFolder::open(&root).file(&root)?;
        let source = AcquisitionSource {
            coefficients: self.coefficients,
            ..AcquisitionSource::of_folder(&folder, self.data.cut)
        };
        // Read from files, which takes no time that could be cut short.
        let acquisition = source.read(image, &Cancel::default())?;
        for file in source.files()? {
            if !self.files.contains(&file) {
                self.files.push(file);
            }
        }
        Ok(acquisition)
    }

    fn signal_model(&mut self, acquisition: &Acquisition) -> Result<SignalModel, ReconError> {
        let basis = acquisition.dictionary.basis();
        let table = |sequence: &Sequence| ResponseTable::new(sequence, basis).map(SignalModel::Exact);
        match (&self.demo, &self.data.sequence) {
            (Some(demo), _) => table(&demo.sequence).step("simulating responses"),
            (None, Some(name)) => {
                let source: SequenceSource = name.parse().setting("data.sequence")?;
                if let SequenceSource::File(path) = &source {
                    self.files.push(path.clone());
                }
                table(&source.read(Sequence::CUTS[self.data.cut])?).setting("data.sequence")
            }
            (None, None) => Ok(SignalModel::Nearest(acquisition.dictionary.clone())),
        }
    }

    /// Slices of these volumes that training may take; all volumes and slices that were named must be there.
    ///
    /// # Errors
    /// When one is not.
    pub fn slices(&self, folder: &DatasetFolder, vols: &[usize], setting: &str) -> Result<Vec<SliceId>, ReconError> {
        let present = match self.data.images {
            FolderImages::Maps => folder.slices_with_maps(),
            FolderImages::Tsmi => folder.slices_with_reference_tsmi(self.data.cut),
        };
        let present = present.file(folder.root())?;
        let place = format!("with {} in {}", self.what(), folder.root().display());
        let (vols, slices) = (Selection::of_list(vols), Selection::of_list(&self.data.slices));
        let found = select(&present, (&vols, setting), (&slices, "data.slices"), &place)?;
        match found.is_empty() {
            true => Err(ReconError::input(folder.root(), format!("expected slices with {}, found none", self.what()))),
            false => Ok(found),
        }
    }

    /// Height and width of the images.
    ///
    /// # Errors
    /// Naming the file that cannot be used.
    pub fn size_of_first(&self, folder: &DatasetFolder, slices: &[SliceId]) -> Result<(usize, usize), ReconError> {
        // Never empty: `slices` has seen to it.
        let id = slices[0];
        let path = self.path(folder, id);
        let lengths = match self.data.images {
            FolderImages::Maps => folder.maps(id).file(&path)?.lengths().to_vec(),
            FolderImages::Tsmi => folder.reference_tsmi(id, self.data.cut).file(&path)?.shape()[1..].to_vec(),
        };
        match lengths[..] {
            [height, width] => Ok((height, width)),
            _ => {
                let message = format!("expected a plane (y, x), got a volume of {lengths:?}: training takes slices");
                Err(ReconError::input(&path, message))
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
