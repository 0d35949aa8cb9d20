//! Safetensors with the configuration inside.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::Path;

use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::numbers::{Numbers, narrowed, widened};
use super::{Checkpoint, CheckpointConfig, WeightFormat};
use crate::{Error, Result, Tensor};

/// Name of the metadata entry. One entry with everything: the library's metadata have no fixed order.
const ENTRY: &str = "diph";

/// Longest header that a safetensors file may have.
pub const MAX_HEADER: u64 = 100_000_000;

/// What the entry holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata<C> {
    config: C,
    #[serde(default)]
    notes: BTreeMap<String, String>,
}

pub fn read<C: CheckpointConfig>(path: &Path) -> Result<Checkpoint<C>> {
    let bytes = read_announced(path).map_err(|error| Error::file(path, error))?;
    parse(&bytes, path)
}

/// The content of a file of at most the length that its header announces, and one byte more where there is more: a file may claim
/// to be longer than any memory.
fn read_announced(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = diph_formats::open_file(path)?;
    let mut bytes = Vec::new();
    file.by_ref().take(8).read_to_end(&mut bytes)?;
    let Ok(length) = <[u8; 8]>::try_from(bytes.as_slice()).map(u64::from_le_bytes) else { return Ok(bytes) };
    file.by_ref().take(length.min(MAX_HEADER)).read_to_end(&mut bytes)?;
    let announced = |tensor: &serde_json::Value| tensor.get("data_offsets")?.get(1)?.as_u64();
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes[8..]).unwrap_or_default();
    let end = header.values().filter_map(announced).max().unwrap_or(0);
    file.take(end.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
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
    let numbers = match view.dtype() {
        safetensors::Dtype::F32 => Numbers::F32,
        safetensors::Dtype::F16 => Numbers::F16,
        safetensors::Dtype::BF16 => Numbers::Bf16,
        safetensors::Dtype::F64 => Numbers::F64,
        other => return Err(Error::TensorDtype { tensor: name.into(), got: format!("{other:?}") }),
    };
    Tensor::new(view.shape(), widened(view.data(), numbers))
}

/// The bytes of a file; `path` is for messages.
pub fn to_bytes<C: CheckpointConfig>(checkpoint: &Checkpoint<C>, path: &Path, format: WeightFormat) -> Result<Vec<u8>> {
    let metadata = Metadata { config: checkpoint.config.clone(), notes: checkpoint.notes.clone() };
    let entry = serde_json::to_string(&metadata).map_err(|error| Error::file(path, error))?;
    let mut buffers = Vec::new();
    for (name, parameter) in checkpoint.parameters.iter() {
        let (bytes, fault) = narrowed(&parameter.values(), format);
        if let Some(index) = fault {
            return Err(Error::TensorNotFinite { tensor: name.into(), index });
        }
        buffers.push((name, parameter.shape().to_vec(), bytes));
    }
    let dtype = match format {
        WeightFormat::F32 => safetensors::Dtype::F32,
        WeightFormat::F16 => safetensors::Dtype::F16,
        WeightFormat::Bf16 => safetensors::Dtype::BF16,
    };
    let views = buffers
        .iter()
        .map(|(name, shape, bytes)| TensorView::new(dtype, shape.clone(), bytes).map(|view| (*name, view)));
    let fault = |error: safetensors::SafeTensorError| Error::file(path, error);
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(fault)?;
    safetensors::serialize(views, Some(HashMap::from([(ENTRY.into(), entry)]))).map_err(fault)
}
