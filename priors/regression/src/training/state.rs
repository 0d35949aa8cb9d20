//! The state of a training run on disk.
//!
//! One safetensors file, f32. The metadata entry `diph_regression` holds configuration and step as JSON; tensors are
//! `parameters/NAME`, `first_moments/NAME`, `second_moments/NAME` and `averages/NAME`.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use diph_formats::write_atomically;
use diph_network::{Error, ParameterState, Parameters, Result, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::TrainingConfig;

/// Name of the metadata entry.
const ENTRY: &str = "diph_regression";
const PARAMETERS: &str = "parameters";
const FIRST_MOMENTS: &str = "first_moments";
const SECOND_MOMENTS: &str = "second_moments";
const AVERAGES: &str = "averages";

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
}

/// Writes a run's state, first under a temporary name.
pub(super) fn write(path: &Path, config: &TrainingConfig, step: u64, parameters: &[ParameterState]) -> Result<()> {
    let fault = |error: &dyn std::fmt::Display| Error::file(path, error);
    let metadata = Metadata { config: config.clone(), step };
    let entry = serde_json::to_string(&metadata).map_err(|error| fault(&error))?;
    let mut arrays = Vec::new();
    for parameter in parameters {
        let values = parameter.variable.values().to_vec();
        let average = parameter.averages.first().map_or(&[][..], Vec::as_slice);
        for (group, values) in [
            (PARAMETERS, values.as_slice()),
            (FIRST_MOMENTS, &parameter.first_moment),
            (SECOND_MOMENTS, &parameter.second_moment),
            (AVERAGES, average),
        ] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            arrays.push((format!("{group}/{}", parameter.name), parameter.variable.shape().to_vec(), bytes));
        }
    }
    let views = arrays.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::F32, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(|error| fault(&error))?;
    let bytes = safetensors::serialize(views, Some(HashMap::from([(ENTRY.into(), entry)])));
    let bytes = bytes.map_err(|error| fault(&error))?;
    write_atomically(path, |file| file.write_all(&bytes)).map_err(|error| fault(&error))
}

/// Reads a run's state.
pub(super) fn read(path: &Path) -> Result<RunState> {
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    let fault = |error: safetensors::SafeTensorError| Error::file(path, format!("not a safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(fault)?;
    let entry = header.metadata().as_ref().and_then(|metadata| metadata.get(ENTRY)).ok_or_else(|| {
        Error::file(path, format!("no metadata entry `{ENTRY}`; not the state of a regression network's training"))
    })?;
    let Metadata { config, step } =
        serde_json::from_str(entry).map_err(|error| Error::file(path, format!("metadata entry `{ENTRY}`: {error}")))?;
    config.check().map_err(|error| error.in_file(path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(fault)?;
    let parameters = parameters(&config, &file).map_err(|error| error.in_file(path))?;
    Ok(RunState { config, step, parameters })
}

fn parameters(config: &TrainingConfig, file: &SafeTensors<'_>) -> Result<Vec<ParameterState>> {
    let mut parameters = Vec::new();
    for (name, shape) in Parameters::shapes(&config.model.unet)? {
        let take = |group: &str| take(file, format!("{group}/{name}"), &shape);
        let tensor = Tensor::new(shape.as_slice(), take(PARAMETERS)?)?;
        let new = ParameterState::new(name.clone(), tensor, 0);
        let (first_moment, second_moment) = (take(FIRST_MOMENTS)?, take(SECOND_MOMENTS)?);
        parameters.push(ParameterState { first_moment, second_moment, averages: vec![take(AVERAGES)?], ..new });
    }
    Ok(parameters)
}

fn take(file: &SafeTensors<'_>, name: String, shape: &[usize]) -> Result<Vec<f32>> {
    let Ok(view) = file.tensor(&name) else {
        return Err(Error::MissingTensor { tensor: name, expected: shape.to_vec() });
    };
    if view.dtype() != Dtype::F32 {
        return Err(Error::TensorDtype { tensor: name, got: format!("{:?}", view.dtype()) });
    }
    if view.shape() != shape {
        return Err(Error::TensorShape { tensor: name, expected: shape.to_vec(), got: view.shape().to_vec() });
    }
    let value = |bytes: &[u8]| bytes.try_into().map_or(f32::NAN, f32::from_le_bytes);
    Ok(view.data().chunks_exact(size_of::<f32>()).map(value).collect())
}
