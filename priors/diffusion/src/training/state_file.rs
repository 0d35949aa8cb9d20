//! The state of a training run on disk.
//!
//! One safetensors file, f32. The metadata entry `diph_training` holds configuration and step as JSON; tensors are
//! `parameters/NAME`, `first_moments/NAME`, `second_moments/NAME` and `ema_RATE/NAME` under guided-diffusion's names, and
//! `timestep_losses` (timesteps, 10), NaN where a timestep has not had as many losses yet.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;

use diph_formats::write_atomically;
use diph_network::{Error, ParameterState, Parameters, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use super::TrainingConfig;
use crate::diffusion::HISTORY;
use crate::{LossSecondMoment, Result};

/// Name of the metadata entry.
const ENTRY: &str = "diph_training";
const PARAMETERS: &str = "parameters";
const FIRST_MOMENTS: &str = "first_moments";
const SECOND_MOMENTS: &str = "second_moments";
const LOSSES: &str = "timestep_losses";

/// What the entry holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    config: TrainingConfig,
    step: u64,
}

/// Everything that a run needs to go on.
pub(super) struct RunState {
    pub config: TrainingConfig,
    pub step: u64,
    pub parameters: Vec<ParameterState>,
    /// Losses of the timesteps, where they decide what is drawn.
    pub losses: Option<LossSecondMoment>,
}

fn average_group(rate: f64) -> String {
    format!("ema_{rate}")
}

/// A tensor on its way to the file; bytes are made one tensor at a time.
struct Array<'a> {
    shape: Vec<usize>,
    values: Cow<'a, [f32]>,
}

impl View for Array<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        size_of_val(&*self.values)
    }
}

/// Writes a run's state, first under a temporary name.
pub(super) fn write(
    path: &Path,
    config: &TrainingConfig,
    step: u64,
    parameters: &[ParameterState],
    losses: Option<&LossSecondMoment>,
) -> Result<()> {
    let metadata = Metadata { config: config.clone(), step };
    let entry = serde_json::to_string(&metadata).map_err(|error| Error::file(path, error))?;
    let mut arrays = Vec::new();
    for parameter in parameters {
        let shape = parameter.variable.shape().to_vec();
        let mut push = |group: &str, values| {
            arrays.push((format!("{group}/{}", parameter.name), Array { shape: shape.clone(), values }));
        };
        push(PARAMETERS, Cow::Owned(parameter.variable.values().to_vec()));
        push(FIRST_MOMENTS, Cow::Borrowed(&parameter.first_moment));
        push(SECOND_MOMENTS, Cow::Borrowed(&parameter.second_moment));
        for (rate, average) in config.ema_rates.iter().zip(&parameter.averages) {
            push(&average_group(*rate), Cow::Borrowed(average));
        }
    }
    arrays.extend(losses.map(|losses| (LOSSES.to_string(), losses_array(losses))));

    let metadata = Some(HashMap::from([(ENTRY.into(), entry)]));
    let bytes = safetensors::serialize(arrays, metadata).map_err(|error| Error::file(path, error))?;
    Ok(write_atomically(path, |file| file.write_all(&bytes)).map_err(Error::from)?)
}

/// (timesteps, 10), NaN at the end of rows that are not full.
fn losses_array(losses: &LossSecondMoment) -> Array<'static> {
    let mut values = Vec::with_capacity(losses.losses().len() * HISTORY);
    for row in losses.losses() {
        values.extend(row.iter().map(|loss| *loss as f32));
        values.resize(values.len().next_multiple_of(HISTORY), f32::NAN);
        // An empty row is a multiple of the length already.
        if row.is_empty() {
            values.extend([f32::NAN; HISTORY]);
        }
    }
    Array { shape: vec![losses.losses().len(), HISTORY], values: Cow::Owned(values) }
}

/// Reads a run's state.
pub(super) fn read(path: &Path) -> Result<RunState> {
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    let fault = |error: safetensors::SafeTensorError| Error::file(path, format!("not a safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(fault)?;
    let entry =
        header.metadata().as_ref().and_then(|metadata| metadata.get(ENTRY)).ok_or_else(|| {
            Error::file(path, format!("no metadata entry `{ENTRY}`; not the state of a training run"))
        })?;
    let metadata: Metadata =
        serde_json::from_str(entry).map_err(|error| Error::file(path, format!("metadata entry `{ENTRY}`: {error}")))?;
    let file = SafeTensors::deserialize(&bytes).map_err(fault)?;
    run_state(metadata, &file).map_err(|error| error.in_file(path))
}

fn run_state(metadata: Metadata, file: &SafeTensors<'_>) -> Result<RunState> {
    let Metadata { config, step } = metadata;
    config.check()?;
    if step > config.steps {
        return Err(Error::setting("step", format!("at most the {} steps of the run", config.steps), step).into());
    }
    let mut reader = Reader { file, taken: BTreeSet::new() };
    let mut parameters = Vec::new();
    for (name, shape) in Parameters::shapes(&config.model.unet)? {
        let mut take = |group: &str| reader.take(format!("{group}/{name}"), &shape);
        let values = take(PARAMETERS)?;
        let tensor = Tensor::new(shape.as_slice(), values)?;
        let (first_moment, second_moment) = (take(FIRST_MOMENTS)?, take(SECOND_MOMENTS)?);
        let averages = config.ema_rates.iter().map(|rate| take(&average_group(*rate))).collect::<Result<_>>()?;
        let new = ParameterState::new(name.clone(), tensor, 0);
        parameters.push(ParameterState { first_moment, second_moment, averages, ..new });
    }
    let losses = match config.has_loss_memory() {
        true => Some(reader.take(LOSSES.into(), &[config.model.diffusion.steps, HISTORY])?),
        false => None,
    };
    reader.finish()?;
    let losses = losses.map(|values| {
        let row = |row: &[f32]| row.iter().filter(|loss| !loss.is_nan()).map(|loss| f64::from(*loss)).collect();
        LossSecondMoment::from_losses(values.chunks(HISTORY).map(row).collect())
    });
    Ok(RunState { config, step, parameters, losses })
}

/// Takes the tensors of a file one by one, so that none is left over unnoticed.
struct Reader<'a> {
    file: &'a SafeTensors<'a>,
    taken: BTreeSet<String>,
}

impl Reader<'_> {
    fn take(&mut self, name: String, shape: &[usize]) -> Result<Vec<f32>> {
        let Ok(view) = self.file.tensor(&name) else {
            return Err(Error::MissingTensor { tensor: name, expected: shape.to_vec() }.into());
        };
        if view.dtype() != Dtype::F32 {
            return Err(Error::TensorDtype { tensor: name, got: format!("{:?}", view.dtype()) }.into());
        }
        if view.shape() != shape {
            return Err(
                Error::TensorShape { tensor: name, expected: shape.to_vec(), got: view.shape().to_vec() }.into()
            );
        }
        self.taken.insert(name);
        let value = |bytes: &[u8]| bytes.try_into().map_or(f32::NAN, f32::from_le_bytes);
        Ok(view.data().chunks_exact(size_of::<f32>()).map(value).collect())
    }

    fn finish(self) -> Result<()> {
        let names = self.file.names();
        let mut extra: Vec<_> = names.into_iter().filter(|name| !self.taken.contains(*name)).collect();
        extra.sort_unstable();
        let Some(name) = extra.first() else {
            return Ok(());
        };
        let shape = self.file.tensor(name).map(|view| view.shape().to_vec()).unwrap_or_default();
        Err(Error::ExtraTensor { tensor: name.to_string(), shape, count: extra.len() }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of an image is step * batch + its place in the batch.
    #[test]
    fn numbers_of_images_cannot_overflow() {
        let unet = r#"{ "image_size": 64, "coefficients": 2, "model_channels": 32, "num_res_blocks": 1 }"#;
        let model = crate::ModelConfig::new(serde_json::from_str(unet).expect("a configuration"));
        let mut config = TrainingConfig { steps: 10, batch: 4, ..TrainingConfig::new(model) };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.safetensors");
        let error = |config: &TrainingConfig, step| {
            write(&path, config, step, &[], None).expect("writes");
            read(&path).err().map(|error| error.to_string()).unwrap_or_default()
        };
        let late = error(&config, 11);
        assert!(late.contains("step: expected at most the 10 steps of the run, got 11"), "{late}");
        let in_time = error(&config, 10);
        assert!(in_time.contains("is missing"), "the step is fine, the tensors are not there: {in_time}");
        config.steps = u64::MAX / 2;
        assert!(error(&config, 1).contains("steps: expected at most 4611686018427387903 of 4 images each"));
    }
}
