//! Which measurement a command works on: the flags that `recon`, `compare` and `sweep` share.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_core::ImageShape;
use diph_datasets::{DatasetFolder, SliceId};
use diph_plugin_host::Registry;
use diph_recon::acquisition::{AcquisitionSource, SequenceSource};
use diph_recon::config::Override;
use diph_recon::slices::{Selection, select};
use diph_recon::study::{MethodResults, Study};
use diph_recon::{Blame, Method, ReconError};

use super::parse_image;
use crate::Context;
use crate::output::AppError;
use crate::study_output::StudyOutput;

/// Slices of a data folder, and files in place of the folder's own.
#[derive(Args, Debug)]
pub struct MeasurementArgs {
    /// Folder with `synthesized_ksp`, `qmaps`, ... and `acquisition`
    #[arg(long, value_name = "DIR")]
    pub dataset: PathBuf,
    /// Volumes, for example 0 or 1-9; -1 for all
    #[arg(long, default_value = "-1", allow_hyphen_values = true)]
    pub vols: Selection,
    /// Slices, for example 5,10,15; -1 for all
    #[arg(long, default_value = "-1", allow_hyphen_values = true)]
    pub slices: Selection,
    /// How much of the sequence was kept: 0 to 4 for 1000, 500, 300, 200 and 100 frames
    #[arg(long, default_value_t = 3, value_parser = super::parse_cut)]
    pub cut: usize,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Coefficients of the temporal subspace
    #[arg(long, default_value_t = 5)]
    pub coefficients: usize,
    /// Trajectory file instead of the folder's (`.npz` or `.mat`)
    #[arg(long, value_name = "FILE")]
    pub trajectory: Option<PathBuf>,
    /// Dictionary file instead of the folder's (`.npz` or `.mat`)
    #[arg(long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// Sequence to simulate the dictionary from: fisp, deli-cs, or a JSON file
    #[arg(long, value_name = "NAME|FILE.json", conflicts_with = "dictionary")]
    pub sequence: Option<SequenceSource>,
    /// Coil sensitivities (`.npz` with `coil_maps`), or `walsh` to estimate them from the data
    #[arg(long, value_name = "FILE|walsh")]
    pub coil_maps: Option<PathBuf>,
    /// Replace results of another method, seed or data set in the folder
    #[arg(long)]
    pub force: bool,
    /// Simulate k-space from the reference maps, with noise, for slices that have none
    #[arg(long)]
    pub simulate: bool,
    /// Size of the image where the folder has no maps that tell it
    #[arg(long, value_name = "[DEPTHx]HEIGHTxWIDTH", value_parser = parse_image)]
    pub image_size: Option<ImageShape>,
}

/// A method's part of a comparison.
pub struct Work<'a> {
    /// The method.
    pub method: &'a Method,
    /// What was changed of it.
    pub overrides: &'a [Override],
    /// Samples, if it draws any.
    pub samples: NonZero<usize>,
    /// The brightness to which slices are brought, if any.
    pub brightness: Option<f32>,
    /// Folder of its results.
    pub out: &'a Path,
}

impl MeasurementArgs {
    /// The data folder.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn folder(&self) -> Result<DatasetFolder, AppError> {
        Ok(DatasetFolder::open(&self.dataset).file(&self.dataset)?)
    }

    /// Where trajectory, dictionary and coil sensitivities come from.
    pub fn source<'a>(&'a self, folder: &'a DatasetFolder) -> AcquisitionSource<'a> {
        let estimate_coils = self.coil_maps.as_deref() == Some(Path::new("walsh"));
        AcquisitionSource {
            folder,
            cut: self.cut,
            coefficients: self.coefficients,
            trajectory: self.trajectory.as_deref(),
            dictionary: self.dictionary.as_deref(),
            sequence: self.sequence.as_ref(),
            coil_maps: self.coil_maps.as_deref().filter(|_| !estimate_coils),
            estimate_coils,
        }
    }

    /// Results of a method on the slices: those that are there already, and those that are made now.
    ///
    /// # Errors
    /// As [`Study::resume`].
    pub fn resume(
        &self,
        context: &Context,
        registry: &Registry,
        folder: &DatasetFolder,
        slices: &[SliceId],
        work: Work<'_>,
        observer: &mut StudyOutput<'_>,
    ) -> Result<MethodResults, AppError> {
        let Work { method, overrides, samples, brightness, out } = work;
        let study = Study {
            registry,
            folder,
            source: &self.source(folder),
            method,
            overrides,
            out,
            seed: self.seed,
            force: self.force,
            simulate: self.simulate,
            brightness,
            image_size: self.image_size,
            dump_steps: false,
            log_results: false,
            samples: if method.solver.draws_samples() { samples } else { NonZero::<usize>::MIN },
            cancel: &context.cancel,
            memory: context.memory,
            hashes: &context.hashes,
            command_line: &context.command_line,
        };
        Ok(study.resume(slices, observer)?)
    }

    /// Slices that were asked for; all of those named must be there.
    ///
    /// # Errors
    /// Naming the flag or the folder to blame.
    pub fn selected(&self, folder: &DatasetFolder) -> Result<Vec<SliceId>, AppError> {
        let present = folder.slices(self.cut).file(folder.root())?;
        let place = format!("in {}", folder.root().display());
        let selected = select(&present, (&self.vols, "vols"), (&self.slices, "slices"), &place)?;
        if selected.is_empty() {
            let message = "expected `qmaps` or `synthesized_ksp` with slices, found none";
            return Err(ReconError::input(folder.root(), message).into());
        }
        Ok(selected)
    }
}
