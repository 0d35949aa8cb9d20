//! One method over the slices of a measurement.

use std::num::NonZero;
use std::path::Path;

use diph_core::{ImageShape, MemoryEstimate, StopReason};
use diph_datasets::{IntensityFactors, MASK_THRESHOLD, Measurement, SliceId};
use diph_formats::is_there;
use diph_plugin_host::Registry;
use ndarray::ArrayD;
use num_complex::Complex32;

use super::{
    FinishedSlice, LoggedStep, MethodResults, Notice, PythonResults, ReconstructedSlice, ResultLog, ResultsFolder,
    RunConfiguration, SliceFiles, SliceResult, StudyObserver, StudyRun,
};
use crate::acquisition::{Acquisition, AcquisitionSource, MeasurementSource};
use crate::config::Override;
use crate::evaluation::whole_head;
use crate::memory::{MemoryBudget, ReconstructionPlan, files, long_parts, program};
use crate::method::Method;
use crate::provenance::{FileHashes, PluginFile, Provenance};
use crate::reconstruction::{BetterOrientation, Parts, Reconstruction, Reconstructor, Step};
use crate::slices::{SliceInput, Truth};
use crate::uncertainty::Calibration;
use crate::{Blame, Cancel, Evaluation, FailedSlice, ReconError, write_json};

/// One method over the slices of a measurement: what goes in, and where the results go.
#[derive(Clone, Copy)]
pub struct Study<'a> {
    /// Where parts come from.
    pub registry: &'a Registry,
    /// Where slices, trajectory, dictionary and coil sensitivities come from.
    pub source: &'a AcquisitionSource<'a>,
    /// The method.
    pub method: &'a Method,
    /// What the user changed of it: each must have an effect.
    pub overrides: &'a [Override],
    /// Folder of the results.
    pub out: &'a Path,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Whether results of another configuration may be replaced.
    pub force: bool,
    /// Whether k-space that is not there is simulated from the reference maps.
    pub simulate: bool,
    /// The brightness to which slices are brought before they are simulated, the median of |PD| over tissue, whether or not they were
    /// measured; `None` leaves them as they are.
    pub brightness: Option<f32>,
    /// Spatial lengths of the images where there are no maps to tell.
    pub image_size: Option<ImageShape>,
    /// Whether to write the image of every step.
    pub dump_steps: bool,
    /// Whether to measure every step of an annealed run, and to write the files that the Python code writes.
    pub log_results: bool,
    /// Samples of the posterior.
    pub samples: NonZero<usize>,
    /// Ends the study between two steps.
    pub cancel: &'a Cancel,
    /// Memory that the study may take.
    pub memory: MemoryBudget,
    /// Hashes of the files that were read.
    pub hashes: &'a FileHashes,
    /// The command that asked for the study, for `provenance.json`; may be empty.
    pub command_line: &'a [String],
}

/// What is known before the first slice.
struct Known {
    /// Memory that the run was expected to need.
    memory: u64,
    calibration: Option<Calibration>,
}

impl Study<'_> {
    /// Reconstructs the slices one after the other and writes their files, and `metrics.json` for all of them.
    ///
    /// # Errors
    /// Naming the file or the step that failed. What was finished before stays. Where the registry
    /// [isolates](Registry::isolates) plugins, a slice that fails does not keep the others from being worked on: it is among
    /// those that [failed](StudyRun::failed).
    pub fn run(&self, slices: &[SliceId], observer: &mut dyn StudyObserver) -> Result<StudyRun, ReconError> {
        self.method.check_overrides(self.overrides)?;
        self.check_kspace(slices)?;
        self.check_output(slices)?;
        let acquisition = self.read_acquisition(slices)?;
        let preparation = self.source.read_coil_preparation()?;
        self.check_log(&acquisition.image)?;
        let estimate = self.plan(&acquisition, slices, observer)?;
        let shared = Parts::create(self.registry, self.method, &acquisition).step(&self.method.name)?;
        self.check_samples()?;
        let known = Known { memory: estimate.peak(), calibration: self.calibration(&acquisition, observer)? };
        let mut folder = ResultsFolder::take(self.out)?;
        // Another run may have written in between.
        self.check_output(slices)?;
        let (mut results, mut made, mut python) =
            (Vec::new(), Vec::new(), PythonResults::new(self.reference_factor()?));
        let mut failed = Vec::new();
        for id in slices {
            self.cancel.check()?;
            let mut input = self.input(*id, &acquisition)?;
            if slices.first() == Some(id) {
                self.check_orientation(&input, &acquisition, observer)?;
            }
            let mut work = || {
                let own = self.parts_of_slice(&mut input, &acquisition, &preparation, observer)?;
                let parts = own.as_ref().unwrap_or(&shared);
                self.run_slice(&input, parts, &known, &mut folder, &mut python, observer)
            };
            match work() {
                Ok((result, slice)) => {
                    results.push(result);
                    made.push(slice);
                }
                // Whatever an isolated plugin did, it did to this slice alone.
                Err(error @ ReconError::Failed { .. }) if self.registry.isolates() => {
                    let (method, reason) = (self.method.name.clone(), error.to_string());
                    observer.notice(&Notice::SliceFailed(reason.clone()));
                    failed.push(FailedSlice { method, slice: id.to_string(), reason });
                }
                Err(error) => return Err(error),
            }
        }
        let results = MethodResults::new(&self.method.name, results);
        if results.slices.is_empty() {
            return Ok(StudyRun { results, made, failed });
        }
        python.write(self.out, &self.checkpoint_name())?;
        write_json(&self.out.join("metrics.json"), &results)?;
        let broken = results.slices.iter().find(|slice| matches!(slice.stop, Some(StopReason::Breakdown(_))));
        match broken {
            None => Ok(StudyRun { results, made, failed }),
            Some(slice) => {
                let id = SliceId::new(slice.vol, slice.slice);
                let message = "the solver broke down, its result is not to be used; check the step and the weights";
                Err(message).step(&format!("{} {id}", self.method.name))
            }
        }
    }

    /// Fails where files in the Python code's layout are asked for and have no place for the images.
    fn check_log(&self, image: &ImageShape) -> Result<(), ReconError> {
        if self.log_results && self.method.solver.annealed().is_some() && image.is_volume() {
            let message =
                format!("the files of annealed runs (`samples_*.npz`) hold planes, not {image}; leave it out");
            return Err(ReconError::setting("log_results", message));
        }
        Ok(())
    }

    /// Fails where a slice has no k-space and nobody has asked for any to be made up; and where its other files would take more
    /// memory than there is, however small they are on disk.
    fn check_kspace(&self, slices: &[SliceId]) -> Result<(), ReconError> {
        for id in slices {
            let (from, cut) = (self.source.from, self.source.cut);
            if !self.simulate && !from.has_kspace(*id, cut)? {
                return Err(ReconError::NoKspace { file: from.kspace_file(*id, cut) });
            }
            let Some(folder) = from.folder() else { continue };
            let known =
                [folder.maps_path(*id), folder.mask_path(*id, MASK_THRESHOLD), folder.reference_tsmi_path(*id, cut)];
            let reading = program().and(files(known.iter().map(AsRef::as_ref)));
            self.memory.check(&format!("reading {id}"), &reading, "its files hold more than maps of a slice")?;
        }
        Ok(())
    }

    /// Fails when the folder of the results holds those of another configuration, unless they may be replaced. Nothing is changed.
    ///
    /// # Errors
    /// [`ReconError::File`] with [`InTheWay`](diph_formats::Error::InTheWay), naming what is there.
    pub fn check_output(&self, slices: &[SliceId]) -> Result<(), ReconError> {
        let files = |id: SliceId| {
            let mut files = self.source.files()?;
            let (from, cut) = (self.source.from, self.source.cut);
            if from.folder().is_some() && from.has_kspace(id, cut)? {
                files.push(from.kspace_file(id, cut));
            }
            Ok(files)
        };
        let sample_seeds = self.recorded_seeds();
        let configuration = RunConfiguration { method: self.method, seed: self.seed, sample_seeds, files: &files };
        ResultsFolder::check(self.out, slices, &configuration, self.force)
    }

    /// Reads what all slices share, if there is room for it.
    ///
    /// # Errors
    /// Naming the file that cannot be used, or [`ReconError::Memory`].
    pub fn read_acquisition(&self, slices: &[SliceId]) -> Result<Acquisition, ReconError> {
        let size = self.image_size(slices)?;
        let paths = self.source.files()?;
        let reading = program().and(files(paths.iter().map(AsRef::as_ref)));
        self.memory.check("reading the acquisition", &reading, "take a smaller dictionary or fewer coils")?;
        self.source.read(size, self.cancel)
    }

    /// What the run will need; announces a network that takes long.
    ///
    /// # Errors
    /// [`ReconError::Memory`] when it cannot fit.
    pub fn plan(
        &self,
        acquisition: &Acquisition,
        slices: &[SliceId],
        observer: &mut dyn StudyObserver,
    ) -> Result<MemoryEstimate, ReconError> {
        let coils = self.coils(acquisition, slices);
        let plan = ReconstructionPlan::new(self.method, acquisition, coils, slices.len(), self.samples.get());
        let (estimate, unknown) = plan.memory(self.registry);
        let paths = self.source.files()?;
        let estimate = estimate.and(files(paths.iter().map(AsRef::as_ref)));
        for part in unknown {
            observer.notice(&Notice::UnknownMemory { part: part.into() });
        }
        let work = format!("reconstructing {} pixels with {}", plan.shape.image, self.method.name);
        self.memory.check(&work, &estimate, plan.advice())?;
        observer.notice(&Notice::Memory { method: self.method.name.clone(), estimate: estimate.clone() });
        for line in long_parts(&plan, self.registry) {
            observer.notice(&Notice::LongRun(line));
        }
        Ok(estimate)
    }

    /// Coils of the sensitivities, or of the first k-space; its header is enough.
    fn coils(&self, acquisition: &Acquisition, slices: &[SliceId]) -> usize {
        if let Some(coils) = acquisition.known_coils() {
            return coils;
        }
        let shape = slices.iter().find_map(|id| self.source.from.kspace_shape(*id, self.source.cut).ok());
        // (1, coil, frame, sample); a file of another form is refused when it is read.
        shape.and_then(|shape| shape.iter().rev().nth(2).copied()).unwrap_or(1).max(1)
    }

    fn run_slice(
        &self,
        input: &SliceInput,
        parts: &Parts,
        known: &Known,
        folder: &mut ResultsFolder<'_>,
        python: &mut PythonResults,
        observer: &mut dyn StudyObserver,
    ) -> Result<(SliceResult, FinishedSlice), ReconError> {
        let id = input.id;
        let label = format!("{} {id}", self.method.name);
        diph_plugin_host::trace_work(&label);
        let (samples, simulated) = input.samples(parts.unweighted(), self.seed)?;
        if simulated {
            observer.notice(&Notice::SimulatedKspace(id));
        }
        let files = SliceFiles::new(self.out, id)?;
        let reconstructor = Reconstructor::new(self.method, parts, samples.view()).step(&label)?;
        let truth = input.truth.as_ref();
        let mut steps = files.step_log(self.dump_steps);
        let result_log = self.result_log(id, parts, &samples, truth);
        let mut rows = Vec::new();
        let mut record = |step: &Step<'_>, observer: &mut dyn StudyObserver| -> diph_core::Result<()> {
            steps.record(step)?;
            let Some(row) = result_log.as_ref().map(|log| log.measure(step)).transpose()?.flatten() else {
                return Ok(());
            };
            let logged = LoggedStep { id, folder: files.folder(), step, truth, row: &row };
            observer.logged(&logged).map_err(|error| diph_core::Error::external("step report", error))?;
            rows.push(row);
            Ok(())
        };
        let evaluate = |reconstruction: &Reconstruction| {
            Evaluation::of(reconstruction, parts.unweighted(), samples.view(), truth).step(&label)
        };
        let mut drawn = self.draw(&reconstructor, (&label, &files), &evaluate, &mut record, observer)?;
        steps.write()?;
        if let Some(recorded) = drawn.recorded().filter(|_| result_log.is_some()) {
            python.push(rows, recorded).step(&label)?;
        }
        let single = std::mem::take(&mut drawn.single);
        let (run, posterior) = drawn.sum_up(parts).step(&label)?;
        if let Some(posterior) = &posterior {
            files.write_posterior(posterior)?;
        }
        let reconstruction = run.as_ref().or(posterior.as_ref().map(|posterior| &posterior.estimate));
        let reconstruction = reconstruction.ok_or("nothing was reconstructed").step(&label)?;
        let uncertainty = self.uncertainty(reconstruction, posterior.as_ref(), parts, known.calibration.as_ref());
        let uncertainty = uncertainty.step(&label)?;
        let mut evaluation = evaluate(reconstruction)?;
        if let Some(truth) = truth {
            evaluation = evaluation.with_certainty(&reconstruction.maps, &uncertainty, truth).step(&label)?;
        }
        let result = SliceResult {
            vol: id.vol,
            slice: id.slice,
            evaluation,
            iterations: Some(reconstruction.iterations),
            stop: Some(reconstruction.stop),
            intensity: Some(reconstruction.intensity),
            samples: single,
            simulated_kspace: simulated,
        };
        let provenance = self.provenance(input, parts, known.memory)?;
        files.write(self.method, (reconstruction, &uncertainty), &provenance)?;
        let summary = uncertainty.summary(&whole_head(reconstruction.maps.amplitude.view()));
        observer.reconstructed(&ReconstructedSlice {
            id,
            folder: files.folder(),
            method: self.method,
            truth,
            reconstruction,
            samples: self.samples.get(),
            posterior: posterior.as_ref(),
            uncertainty: &uncertainty,
            summary: &summary,
        })?;
        files.write_metrics(self.method, &result)?;
        folder.begin()?;
        files.finish()?;
        Ok((result, FinishedSlice { id, maps: reconstruction.maps.clone(), provenance, summary }))
    }

    /// Warns where the trajectory of the user's files does not lie as the coil sensitivities do.
    fn check_orientation(
        &self,
        input: &SliceInput,
        acquisition: &Acquisition,
        observer: &mut dyn StudyObserver,
    ) -> Result<(), ReconError> {
        let (MeasurementSource::Files(_, measurement), Some(kspace)) = (self.source.from, &input.kspace) else {
            return Ok(());
        };
        let better =
            BetterOrientation::find(self.registry, self.method, acquisition, kspace.view(), &measurement.columns)
                .step("comparing orientations of the trajectory")?;
        better.map(Notice::Orientation).iter().for_each(|notice| observer.notice(notice));
        Ok(())
    }

    /// What measures the steps, where that is asked for and there is something to anneal.
    fn result_log<'r>(
        &'r self,
        id: SliceId,
        parts: &'r Parts,
        samples: &'r ArrayD<Complex32>,
        truth: Option<&'r Truth>,
    ) -> Option<ResultLog<'r>> {
        let settings = self.method.solver.annealed().filter(|_| self.log_results)?;
        Some(ResultLog { id, parts, settings, samples, truth })
    }

    /// What the folder has of a slice, at the brightness that was asked for.
    fn input(&self, id: SliceId, acquisition: &Acquisition) -> Result<SliceInput, ReconError> {
        let input = SliceInput::read(self.source, id, acquisition)?;
        match self.brightness {
            None => Ok(input),
            Some(brightness) => input.with_brightness(brightness, acquisition),
        }
    }

    /// The measurement as the provenance has it.
    pub(super) fn measurement(&self) -> serde_json::Value {
        let mut measurement = self.source.describe();
        if let Some(brightness) = self.brightness {
            measurement["brightness"] = serde_json::json!(brightness);
        }
        measurement["image_size"] = serde_json::json!(self.image_size.map(|image| image.lengths().to_vec()));
        measurement
    }

    /// What images in files of the Python code's layout are divided by.
    fn reference_factor(&self) -> Result<f32, ReconError> {
        let Some(folder) = self.source.from.folder() else {
            return Ok(IntensityFactors::default().reference);
        };
        Ok(folder.intensity_factors().file(&folder.intensity_factors_path())?.reference)
    }

    /// Name of the network in file names: that of its file, or of the method for the network that comes with Diph.
    fn checkpoint_name(&self) -> String {
        let option = self.method.prior.as_ref().and_then(|prior| prior.options.get("checkpoint"));
        let stem = option.and_then(|path| Path::new(path.as_str()?).file_stem());
        stem.map_or_else(|| self.method.name.clone(), |stem| stem.to_string_lossy().into_owned())
    }

    fn image_size(&self, slices: &[SliceId]) -> Result<ImageShape, ReconError> {
        if let Some(size) = self.image_size {
            return Ok(size);
        }
        let folder = match self.source.from {
            MeasurementSource::Folder(folder) => folder,
            MeasurementSource::Files(_, Measurement { image: Some(image), .. }) => return Ok(*image),
            MeasurementSource::Files(..) => {
                let message = "expected HEIGHTxWIDTH or DEPTHxHEIGHTxWIDTH, since the files do not tell it";
                return Err(ReconError::setting("image_size", message));
            }
        };
        for id in slices {
            let path = folder.maps_path(*id);
            if is_there(&path).file(&path)? {
                return ImageShape::try_from(folder.maps(*id).file(&path)?.lengths()).file(&path);
            }
        }
        let message = "expected HEIGHTxWIDTH or DEPTHxHEIGHTxWIDTH, since no slice has maps to tell it";
        Err(ReconError::setting("image_size", message))
    }

    fn provenance(&self, input: &SliceInput, parts: &Parts, memory_estimate: u64) -> Result<Provenance, ReconError> {
        let configuration = serde_json::to_value(self.method).step("writing the provenance")?;
        let mut provenance = Provenance::new(self.command_line, configuration, self.seed);
        provenance.measurement = self.measurement();
        provenance.sample_seeds = self.recorded_seeds();
        provenance.memory_estimate_bytes = Some(memory_estimate);
        provenance.plugins = parts.provenance().iter().map(PluginFile::of).collect();
        for path in self.source.files()?.iter().chain(&input.files).chain(&self.method.files()) {
            provenance.inputs.push(self.hashes.of(path).file(path)?);
        }
        Ok(provenance)
    }
}
