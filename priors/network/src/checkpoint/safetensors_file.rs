//! Safetensors with the configuration inside.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use diph_formats::write_atomically;
use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::checkpoint::check_finite;
use super::{Checkpoint, CheckpointConfig, WeightFormat};
use crate::{Error, Result};

/// Name of the metadata entry. One entry with everything: the library's metadata have no fixed order.
const ENTRY: &str = "diph";

/// What the entry holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata<C> {
    config: C,
    #[serde(default)]
    notes: BTreeMap<String, String>,
}

pub fn read<C: CheckpointConfig>(path: &Path) -> Result<Checkpoint<C>> {
    let bytes = std::fs::read(path).map_err(|error| Error::file(path, error))?;
    parse(&bytes, path)
}

/// The checkpoint in the content of a file; `path` is for messages.
pub fn parse<C: CheckpointConfig>(bytes: &[u8], path: &Path) -> Result<Checkpoint<C>> {
    let fault = |error: safetensors::SafeTensorError| Error::file(path, format!("not a safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(fault)?;
    let entry = header.metadata().as_ref().and_then(|metadata| metadata.get(ENTRY)).ok_or_else(|| no_entry(path))?;
    let metadata: Metadata<C> = metadata(entry, path)?;
    let file = SafeTensors::deserialize(bytes).map_err(fault)?;
    let tensors = file.tensors().into_iter().map(|(name, view)| {
        let tensor = tensor(&name, &view)?;
        Ok((name, tensor))
    });
    let tensors = tensors.collect::<Result<_>>().map_err(|error| error.in_file(path))?;
    Checkpoint::from_tensors(metadata.config, tensors, metadata.notes).map_err(|error| error.in_file(path))
}

/// The configuration in the header of a file: JSON text.
pub fn config_of_header<C: CheckpointConfig>(header: &[u8], path: &Path) -> Result<C> {
    let fault = |error: serde_json::Error| Error::file(path, format!("not a safetensors file: {error}"));
    let header: serde_json::Value = serde_json::from_slice(header).map_err(fault)?;
    let entry = header["__metadata__"][ENTRY].as_str().ok_or_else(|| no_entry(path))?;
    Ok(metadata(entry, path)?.config)
}

fn metadata<C: CheckpointConfig>(entry: &str, path: &Path) -> Result<Metadata<C>> {
    serde_json::from_str(entry).map_err(|error| Error::file(path, format!("metadata entry `{ENTRY}`: {error}")))
}

fn no_entry(path: &Path) -> Error {
    Error::file(path, format!("no metadata entry `{ENTRY}` with a configuration; not a checkpoint of Diph"))
}

fn tensor(name: &str, view: &TensorView<'_>) -> Result<Tensor> {
    let dtype = match view.dtype() {
        safetensors::Dtype::F32 => DType::F32,
        safetensors::Dtype::F16 => DType::F16,
        safetensors::Dtype::BF16 => DType::BF16,
        safetensors::Dtype::F64 => DType::F64,
        other => return Err(Error::TensorDtype { tensor: name.into(), got: format!("{other:?}") }),
    };
    Ok(Tensor::from_raw_buffer(view.data(), dtype, view.shape(), &Device::Cpu)?)
}

pub fn write<C: CheckpointConfig>(checkpoint: &Checkpoint<C>, path: &Path, format: WeightFormat) -> Result<()> {
    let metadata = Metadata { config: checkpoint.config.clone(), notes: checkpoint.notes.clone() };
    let entry = serde_json::to_string(&metadata).map_err(|error| Error::file(path, error))?;
    let mut buffers = Vec::new();
    for (name, tensor) in checkpoint.parameters.tensors() {
        let tensor = tensor.to_dtype(format.dtype())?;
        check_finite(name, &tensor)?;
        let mut bytes = Vec::new();
        tensor.write_bytes(&mut bytes)?;
        buffers.push((name, tensor.dims().to_vec(), bytes));
    }
    let dtype = match format {
        WeightFormat::F32 => safetensors::Dtype::F32,
        WeightFormat::F16 => safetensors::Dtype::F16,
        WeightFormat::Bf16 => safetensors::Dtype::BF16,
    };
    let views = buffers
        .iter()
        .map(|(name, shape, bytes)| TensorView::new(dtype, shape.clone(), bytes).map(|view| (name.as_str(), view)));
    let fault = |error: safetensors::SafeTensorError| Error::file(path, error);
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(fault)?;
    let bytes = safetensors::serialize(views, Some(HashMap::from([(ENTRY.into(), entry)]))).map_err(fault)?;
    Ok(write_atomically(path, |file| file.write_all(&bytes))?)
}
