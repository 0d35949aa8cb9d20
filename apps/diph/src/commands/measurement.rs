//! Which measurement a command works on: the flags that `recon`, `compare` and `sweep` share.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use diph_core::ImageShape;
use diph_datasets::{DatasetFolder, Measurement, MeasurementFiles, SliceId};
use diph_plugin_host::Registry;
use diph_recon::acquisition::{AcquisitionSource, MeasurementSource, SequenceSource};
use diph_recon::config::Override;
use diph_recon::slices::{Selection, read_measurement, select};
use diph_recon::study::{Study, StudyRun};
use diph_recon::{Blame, Method, ReconError};

use super::{CoilArgs, MeasuredFilesArgs, parse_image, parse_seconds};
use crate::Context;
use crate::output::AppError;
use crate::study_output::StudyOutput;

/// Slices of a data folder, and files in place of the folder's own.
#[derive(Args, Debug)]
pub struct MeasurementArgs {
    /// Folder with `synthesized_ksp`, `qmaps`, ... and `acquisition`
    #[arg(long, value_name = "DIR", required_unless_present = "kspace")]
    pub dataset: Option<PathBuf>,
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
    /// Trajectory file instead of the folder's (`.npz` or `.mat`); with --kspace any array of positions, or the
    /// Pulseq sequence (`.seq`) that was played
    #[arg(long, value_name = "FILE[:KEY]")]
    pub trajectory: Option<PathBuf>,
    /// Dictionary file instead of the folder's (`.npz` or `.mat`)
    #[arg(long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// Sequence to simulate the dictionary from: fisp, deli-cs, a JSON file, or a Pulseq sequence (`.seq`)
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "dictionary")]
    pub sequence: Option<SequenceSource>,
    /// How coils are combined
    #[command(flatten)]
    pub coils: CoilArgs,
    /// Replace results of another method, seed or data set in the folder
    #[arg(long)]
    pub force: bool,
    /// Simulate k-space from the reference maps, with noise, for slices that have none
    #[arg(long, conflicts_with = "kspace")]
    pub simulate: bool,
    /// Size of the image where the folder has no maps that tell it
    #[arg(long, value_name = "[DEPTHx]HEIGHTxWIDTH", value_parser = parse_image)]
    pub image_size: Option<ImageShape>,
    /// Run every plugin library in a process of its own: one that dies, hangs or answers nonsense ends its slice with an error,
    /// and the next slice goes on. Exit code 8 when some slices failed and others are finished
    #[arg(long)]
    pub isolate: bool,
    /// With --isolate: longest time that a call of a plugin may take without an answer or a word of progress, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = parse_seconds)]
    pub plugin_time_out: Duration,
    /// Files in place of the folder
    #[command(flatten)]
    pub files: MeasuredFilesArgs,
}

/// A measurement of which it is known what there is.
pub enum OpenMeasurement {
    /// A data folder.
    Folder(DatasetFolder),
    /// Files of the user's, and what was read from them.
    Files(Box<(MeasurementFiles, Measurement)>),
}

impl OpenMeasurement {
    /// Where slices come from.
    pub fn source(&self) -> MeasurementSource<'_> {
        match self {
            Self::Folder(folder) => MeasurementSource::Folder(folder),
            Self::Files(read) => MeasurementSource::Files(&read.0, &read.1),
        }
    }
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
    /// Opens the data folder, or reads k-space and trajectory of other files.
    ///
    /// # Errors
    /// When there is no such folder; naming the file or the flag that says how it is to be read.
    pub fn open(&self, context: &Context) -> Result<OpenMeasurement, AppError> {
        if let Some(files) = self.files.files(self.trajectory.as_deref(), self.image_size) {
            let measurement = read_measurement(&files, context.memory)?;
            context.output.note_all(measurement.notes.iter().cloned());
            return Ok(OpenMeasurement::Files(Box::new((files, measurement))));
        }
        // Clap asks for one of the two.
        let root = self.dataset.clone().unwrap_or_default();
        let folder = DatasetFolder::open(&root).file(&root)?;
        Ok(OpenMeasurement::Folder(folder))
    }

    /// The plugins, isolated where that is asked for.
    ///
    /// # Errors
    /// As [`Context::registry`] and [`Context::isolated_registry`].
    pub fn registry(&self, context: &Context) -> Result<Registry, AppError> {
        match self.isolate {
            true => context.isolated_registry(self.plugin_time_out),
            false => context.registry(),
        }
    }

    /// Where trajectory, dictionary and coil sensitivities come from.
    pub fn source<'a>(&'a self, from: MeasurementSource<'a>) -> AcquisitionSource<'a> {
        AcquisitionSource {
            from,
            cut: self.cut,
            coefficients: self.coefficients,
            // That of other files was read with them.
            trajectory: self.trajectory.as_deref().filter(|_| from.folder().is_some()),
            dictionary: self.dictionary.as_deref(),
            sequence: self.sequence.as_ref(),
            coils: self.coils.coils.as_ref(),
            noise: self.coils.noise.as_ref(),
            compression: self.coils.coil_compression,
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
        from: MeasurementSource<'_>,
        slices: &[SliceId],
        work: Work<'_>,
        observer: &mut StudyOutput<'_>,
    ) -> Result<StudyRun, AppError> {
        let Work { method, overrides, samples, brightness, out } = work;
        let study = Study {
            registry,
            source: &self.source(from),
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
    pub fn selected(&self, from: MeasurementSource<'_>) -> Result<Vec<SliceId>, AppError> {
        let present = match from {
            MeasurementSource::Folder(folder) => folder.slices(self.cut).file(folder.root())?,
            MeasurementSource::Files(_, measurement) => measurement.ids(),
        };
        let place = format!("in {}", from.place().display());
        let selected = select(&present, (&self.vols, "vols"), (&self.slices, "slices"), &place)?;
        if selected.is_empty() {
            let message = "expected `qmaps` or `synthesized_ksp` with slices, found none";
            return Err(ReconError::input(from.place(), message).into());
        }
        Ok(selected)
    }
}
