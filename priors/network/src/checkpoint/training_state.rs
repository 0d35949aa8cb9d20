//! The state of a training run on disk.
//!
//! One safetensors file, f32. A metadata entry, whose name says which kind of training it is, holds configuration and step as JSON.
//! Tensors are `parameters/NAME`, `first_moments/NAME`, `second_moments/NAME` and `AVERAGE/NAME` for each moving average, under
//! guided-diffusion's names, and further arrays of that kind of training.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use diph_formats::write_atomically;
use safetensors::tensor::{Dtype, Metadata, SafeTensors, View};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{Error, ParameterState, Parameters, Result, Tensor, UNetConfig};

const PARAMETERS: &str = "parameters";
const FIRST_MOMENTS: &str = "first_moments";
const SECOND_MOMENTS: &str = "second_moments";
/// Bytes of the length in front of the header.
const LENGTH_BYTES: usize = size_of::<u64>();

/// What the metadata entry holds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<C> {
    config: C,
    step: u64,
}

/// Everything that a training run of configuration `C` needs to go on, ready to be written.
pub struct TrainingState<'a, C> {
    /// Name of the metadata entry, which says what kind of training it is.
    pub entry: &'a str,
    /// Configuration of the run.
    pub config: &'a C,
    /// How many steps are done.
    pub step: u64,
    /// Parameters with their moments and moving averages.
    pub parameters: &'a [ParameterState],
    /// Names of the groups of moving averages, in their order within a [`ParameterState`].
    pub averages: &'a [String],
    /// Further arrays under their names.
    pub arrays: &'a [(&'a str, Tensor)],
}

impl<C: Serialize> TrainingState<'_, C> {
    /// Writes the state, first under a temporary name.
    ///
    /// # Errors
    /// [`Error::File`] when the configuration makes no JSON, [`Error::Write`] when the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let header = Header { config: self.config, step: self.step };
        let entry = serde_json::to_string(&header).map_err(|error| Error::file(path, error))?;
        let mut arrays = Vec::new();
        for parameter in self.parameters {
            let shape = parameter.variable.shape().to_vec();
            let mut push = |group: &str, values| {
                arrays.push((format!("{group}/{}", parameter.name), Array { shape: shape.clone(), values }));
            };
            push(PARAMETERS, Cow::Owned(parameter.variable.values().to_vec()));
            push(FIRST_MOMENTS, Cow::Borrowed(&parameter.first_moment));
            push(SECOND_MOMENTS, Cow::Borrowed(&parameter.second_moment));
            for (group, average) in self.averages.iter().zip(&parameter.averages) {
                push(group, Cow::Borrowed(average));
            }
        }
        for (name, array) in self.arrays {
            arrays.push((
                name.to_string(),
                Array { shape: array.shape().to_vec(), values: Cow::Borrowed(array.values()) },
            ));
        }
        let metadata = Some(HashMap::from([(self.entry.into(), entry)]));
        let bytes = safetensors::serialize(arrays, metadata).map_err(|error| Error::file(path, error))?;
        Ok(write_atomically(path, |file| file.write_all(&bytes))?)
    }
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

/// The file of a [`TrainingState`] while it is read. Tensors are taken one by one, so that none is left over unnoticed.
pub struct TrainingStateFile {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Where the tensors begin in the file.
    start: usize,
    metadata: Metadata,
    taken: BTreeSet<String>,
}

impl TrainingStateFile {
    /// Opens the state of a run: the file, the configuration and the number of steps done.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, is no safetensors file, or has no metadata entry of this name that holds a
    /// configuration and a step.
    pub fn open<C: DeserializeOwned>(path: &Path, entry: &str) -> Result<(Self, C, u64)> {
        let bytes = diph_formats::read_file(path).map_err(|error| Error::file(path, error))?;
        let (header, metadata) = SafeTensors::read_metadata(&bytes)
            .map_err(|error| Error::file(path, format!("not a safetensors file: {error}")))?;
        let Some(text) = metadata.metadata().as_ref().and_then(|entries| entries.get(entry)) else {
            let message = format!("no metadata entry `{entry}`; not the state of a training run of this kind");
            return Err(Error::file(path, message));
        };
        let Header { config, step } = serde_json::from_str(text)
            .map_err(|error| Error::file(path, format!("metadata entry `{entry}`: {error}")))?;
        let start = LENGTH_BYTES + header;
        Ok((Self { path: path.into(), bytes, start, metadata, taken: BTreeSet::new() }, config, step))
    }

    /// Every parameter of a network with its moments and the moving averages of these groups.
    ///
    /// # Errors
    /// Those of [`TrainingStateFile::take`], and [`Error::Setting`] when the configuration makes no network.
    pub fn parameters(&mut self, network: &UNetConfig, averages: &[String]) -> Result<Vec<ParameterState>> {
        let mut parameters = Vec::new();
        for (name, shape) in Parameters::shapes(network)? {
            let mut take = |group: &str| self.take(&format!("{group}/{name}"), &shape);
            let tensor = Tensor::new(shape.as_slice(), take(PARAMETERS)?)?;
            let (first_moment, second_moment) = (take(FIRST_MOMENTS)?, take(SECOND_MOMENTS)?);
            let averages = averages.iter().map(|group| take(group)).collect::<Result<_>>()?;
            let new = ParameterState::new(name.clone(), tensor, 0);
            parameters.push(ParameterState { first_moment, second_moment, averages, ..new });
        }
        Ok(parameters)
    }

    /// The values of a tensor of this name and shape.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the file and [`Error::MissingTensor`], [`Error::TensorDtype`] or [`Error::TensorShape`].
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let Some(info) = self.metadata.info(name) else {
            let missing = Error::MissingTensor { tensor: name.into(), expected: shape.to_vec() };
            return Err(missing.in_file(&self.path));
        };
        if info.dtype != Dtype::F32 {
            let dtype = Error::TensorDtype { tensor: name.into(), got: format!("{:?}", info.dtype) };
            return Err(dtype.in_file(&self.path));
        }
        if info.shape != shape {
            let (expected, got) = (shape.to_vec(), info.shape.clone());
            return Err(Error::TensorShape { tensor: name.into(), expected, got }.in_file(&self.path));
        }
        self.taken.insert(name.into());
        let (first, last) = info.data_offsets;
        let value = |bytes: &[u8]| bytes.try_into().map_or(f32::NAN, f32::from_le_bytes);
        Ok(self.bytes[self.start + first..self.start + last].chunks_exact(size_of::<f32>()).map(value).collect())
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the file and [`Error::ExtraTensor`] when it holds a tensor that nobody took.
    pub fn finish(self) -> Result<()> {
        let tensors = self.metadata.tensors();
        let mut extra: Vec<_> = tensors.iter().filter(|(name, _)| !self.taken.contains(*name)).collect();
        extra.sort_unstable_by_key(|(name, _)| *name);
        let Some((name, info)) = extra.first() else {
            return Ok(());
        };
        let fault = Error::ExtraTensor { tensor: name.to_string(), shape: info.shape.clone(), count: extra.len() };
        Err(fault.in_file(&self.path))
    }
}
