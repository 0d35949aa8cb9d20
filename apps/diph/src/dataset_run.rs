//! One method over the slices of a data folder.

use std::path::Path;

use diph_core::{ParameterMaps, StopReason};
use diph_datasets::{DatasetFolder, SliceId};
use diph_nufft::coils::walsh_from_kspace;
use diph_plugin_host::Registry;
use ndarray::{Array3, ArrayD};
use num_complex::Complex32;

use crate::Context;
use crate::inputs::{AcquisitionSource, SliceInput};
use crate::method::Method;
use crate::output::{AppError, Blame, InputFile, PluginFile, Provenance};
use crate::reconstruction::{Acquisition, Evaluation, Parts, Reconstruction, Step, reconstruct};
use crate::results::{MethodResults, SliceFiles, SliceResult, StepLog, write_json};

/// Pixels to each side over which coil covariances are averaged in the Walsh estimate.
const WALSH_RADIUS: usize = 4;

/// One method over the slices of a data folder.
pub struct DatasetRun<'a> {
    /// Where to print, whether to stop.
    pub context: &'a Context,
    /// Where parts come from.
    pub registry: &'a Registry,
    /// Where slices come from.
    pub folder: &'a DatasetFolder,
    /// Where trajectory, dictionary and coil sensitivities come from.
    pub source: &'a AcquisitionSource<'a>,
    /// The method.
    pub method: &'a Method,
    /// Folder of the results.
    pub out: &'a Path,
    /// Seed of all random numbers.
    pub seed: u64,
    /// Image (height, width) where there are no maps to tell.
    pub image_size: Option<(usize, usize)>,
    /// Whether to write the image of every step.
    pub dump_steps: bool,
}

/// What is worth showing of a finished slice.
pub struct FinishedSlice {
    /// Which slice.
    pub id: SliceId,
    /// Maps of the result.
    pub maps: ParameterMaps,
    /// `maps.png`.
    pub picture: Vec<u8>,
    /// `provenance.json`.
    pub provenance: Provenance,
}

impl DatasetRun<'_> {
    /// Reconstructs the slices one after the other and writes their files, and `metrics.json` for all of them.
    ///
    /// # Errors
    /// Naming the file or the step that failed. What was finished before stays.
    pub fn run(&self, slices: &[SliceId]) -> Result<(MethodResults, Vec<FinishedSlice>), AppError> {
        let size = self.image_size(slices)?;
        let acquisition = self.source.read(size)?;
        let shared = Parts::create(self.registry, self.method, &acquisition).step(&self.method.name)?;
        let (mut results, mut finished) = (Vec::new(), Vec::new());
        for id in slices {
            self.context.cancel.check()?;
            let input = SliceInput::read(self.folder, *id, self.source.cut, &acquisition)?;
            let own = self.parts_of_slice(&input, &acquisition)?;
            let (result, slice) = self.run_slice(&input, own.as_ref().unwrap_or(&shared))?;
            results.push(result);
            finished.push(slice);
        }
        let results = MethodResults::new(&self.method.name, results);
        write_json(&self.out.join("metrics.json"), &results)?;
        let broken = results.slices.iter().find(|slice| matches!(slice.stop, Some(StopReason::Breakdown(_))));
        match broken {
            None => Ok((results, finished)),
            Some(slice) => {
                let id = SliceId::new(slice.vol, slice.slice);
                let message = "the solver broke down, its result is not to be used; check the step and the weights";
                Err(message).step(&format!("{} {id}", self.method.name))
            }
        }
    }

    fn run_slice(&self, input: &SliceInput, parts: &Parts) -> Result<(SliceResult, FinishedSlice), AppError> {
        let id = input.id;
        let label = format!("{} {id}", self.method.name);
        let (samples, simulated) = input.samples(parts.unweighted(), self.seed)?;
        if simulated {
            self.context.output.note(format!("{id}: no k-space in the folder; simulated it from the maps"));
        }
        let files = SliceFiles::new(self.out, id.vol, id.slice);
        let mut log = files.step_log(self.dump_steps);
        let reconstruction = self.reconstruct(parts, &samples, &label, &mut log)?;
        log.write()?;
        let evaluation =
            Evaluation::of(&reconstruction, parts.unweighted(), samples.view(), input.truth.as_ref()).step(&label)?;
        let result = SliceResult {
            vol: id.vol,
            slice: id.slice,
            evaluation,
            iterations: Some(reconstruction.iterations),
            stop: Some(reconstruction.stop),
            intensity: Some(reconstruction.intensity),
            simulated_kspace: simulated,
        };
        let provenance = self.provenance(input, parts)?;
        let picture = files.write(self.method, &reconstruction, input.truth.as_ref(), &result, &provenance)?;
        Ok((result, FinishedSlice { id, maps: reconstruction.maps, picture, provenance }))
    }

    fn reconstruct(
        &self,
        parts: &Parts,
        samples: &ArrayD<Complex32>,
        label: &str,
        log: &mut StepLog,
    ) -> Result<Reconstruction, AppError> {
        let bar = self.context.output.bar(label, 1);
        let mut on_step = |step: &Step<'_>| {
            bar.set(step.iteration, step.max_iterations);
            log.record(step)?;
            Ok(self.context.cancel.flow())
        };
        let reconstruction = reconstruct(self.method, parts, samples.view(), self.seed, &mut on_step).step(label)?;
        if reconstruction.stop == StopReason::Cancelled {
            return Err(AppError::Cancelled);
        }
        if let StopReason::Breakdown(reason) = reconstruction.stop {
            let steps = reconstruction.iterations;
            self.context.output.warn(format!("{label}: broke down after {steps} steps ({reason:?})"));
        }
        Ok(reconstruction)
    }

    /// Parts with coil sensitivities estimated from the slice itself, where there are several coils without any.
    fn parts_of_slice(&self, input: &SliceInput, acquisition: &Acquisition) -> Result<Option<Parts>, AppError> {
        let Some(kspace) = input.kspace.as_ref().filter(|kspace| kspace.dim().0 > 1) else {
            if self.source.estimate_coils {
                self.context
                    .output
                    .warn(format!("{}: one coil, so that there is no sensitivity to estimate", input.id));
            }
            return Ok(None);
        };
        if acquisition.coil_maps.is_some() {
            return Ok(None);
        }
        let coils = kspace.dim().0;
        self.context.output.note(format!("{}: estimating the sensitivities of {coils} coils", input.id));
        let step = format!("estimating coil sensitivities of {}", input.id);
        let single = Parts::density_compensated_operator(self.registry, self.method, acquisition).step(&step)?;
        let maps: Array3<Complex32> = walsh_from_kspace(&*single, kspace.view(), WALSH_RADIUS).step(&step)?;
        let acquisition = Acquisition { coil_maps: Some(maps), ..acquisition.clone() };
        Parts::create(self.registry, self.method, &acquisition).map(Some).step(&step)
    }

    fn image_size(&self, slices: &[SliceId]) -> Result<(usize, usize), AppError> {
        if let Some(size) = self.image_size {
            return Ok(size);
        }
        let with_maps = slices.iter().find(|id| self.folder.maps_path(**id).exists());
        let Some(id) = with_maps else {
            return Err(AppError::usage("--image-size", "expected HEIGHTxWIDTH, since no slice has maps to tell it"));
        };
        let path = self.folder.maps_path(*id);
        Ok(self.folder.maps(*id).file(&path)?.dim())
    }

    fn provenance(&self, input: &SliceInput, parts: &Parts) -> Result<Provenance, AppError> {
        let configuration = serde_json::to_value(self.method).step("writing the provenance")?;
        let mut provenance = Provenance::new(configuration, self.seed);
        provenance.plugins = parts.provenance().iter().map(PluginFile::of).collect();
        for path in self.source.files().iter().chain(&input.files) {
            provenance.inputs.push(InputFile::new(path).file(path)?);
        }
        Ok(provenance)
    }
}
