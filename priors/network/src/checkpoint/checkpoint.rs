//! A network with its configuration.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{WeightFormat, pytorch, safetensors_file};
use crate::{Error, Parameters, Result, Tensor, UNetConfig};

/// What a checkpoint says about its network: JSON that has at least the architecture in it.
pub trait CheckpointConfig: Clone + Serialize + DeserializeOwned {
    /// The architecture.
    fn unet(&self) -> &UNetConfig;

    /// Fails on settings that make no model.
    ///
    /// # Errors
    /// [`Error::Setting`] with the name of the setting.
    fn check(&self) -> Result<()>;
}

/// Weights and all that is known about them.
///
/// On disk a safetensors file with guided-diffusion's names; the metadata entry `diph` holds the configuration and the
/// notes as JSON, so that the file alone is enough to run it.
#[derive(Clone, Debug)]
pub struct Checkpoint<C> {
    /// The architecture and what else the user of the network must know.
    pub config: C,
    /// The weights, f32.
    pub parameters: Parameters,
    /// Where they come from: data, steps, seed, command.
    pub notes: BTreeMap<String, String>,
}

impl<C: CheckpointConfig> Checkpoint<C> {
    /// Reads a safetensors file with its configuration inside, or a PyTorch state dict (told by its content) with its
    /// configuration beside it, in a file of the same name that ends in `.json`.
    ///
    /// # Errors
    /// [`Error::File`] when a file cannot be read or has no configuration, [`Error::Checkpoint`] when tensors are missing,
    /// extra, or of another shape or type.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if !pytorch::is_pytorch(path) {
            return safetensors_file::read(path);
        }
        let config_path = path.with_extension("json");
        let text = diph_formats::read_text(&config_path).map_err(|error| {
            let hint = "a PyTorch state dict says nothing about its architecture: put the configuration into this file";
            Error::file(&config_path, format!("{error}; {hint}"))
        })?;
        let config = serde_json::from_str(&text).map_err(|error| Error::file(&config_path, error))?;
        Self::read_pytorch(path, config)
    }

    /// Reads the content of a safetensors file, weights inside of a program for example; `name` stands for the file in
    /// messages.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<Self> {
        safetensors_file::parse(bytes, name.as_ref())
    }

    /// Reads a PyTorch state dict of a known architecture. Where the file holds it in an entry, or all names have a prefix that
    /// wrappers put there (`module.`, `_orig_mod.`), the notes say so.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn read_pytorch(path: impl AsRef<Path>, config: C) -> Result<Self> {
        let path = path.as_ref();
        let pytorch::StateDict { tensors, notes } = pytorch::read(path)?;
        Self::from_tensors(config, tensors, notes).map_err(|error| error.in_file(path))
    }

    /// Checks tensors against the configuration.
    pub(super) fn from_tensors(
        config: C,
        tensors: BTreeMap<String, Tensor>,
        notes: BTreeMap<String, String>,
    ) -> Result<Self> {
        config.check()?;
        tensors.iter().try_for_each(|(name, tensor)| check_finite(name, tensor.values()))?;
        let parameters = Parameters::new(config.unet(), tensors)?;
        Ok(Self { config, parameters, notes })
    }

    /// Writes a safetensors file, first under a temporary name. Missing folders are made.
    ///
    /// # Errors
    /// [`Error::Write`] when the file cannot be written, [`Error::TensorNotFinite`] when a weight is not a number in the
    /// format.
    pub fn write(&self, path: impl AsRef<Path>, format: WeightFormat) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes(path, format)?;
        Ok(diph_formats::write_atomically(path, |file| std::io::Write::write_all(file, &bytes))?)
    }

    /// The bytes of the safetensors file; `path` stands for it in messages.
    ///
    /// # Errors
    /// [`Error::TensorNotFinite`] when a weight is not a number in the format.
    pub fn to_bytes(&self, path: impl AsRef<Path>, format: WeightFormat) -> Result<Vec<u8>> {
        safetensors_file::to_bytes(self, path.as_ref(), format)
    }
}

fn check_finite(name: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::TensorNotFinite { tensor: name.into(), index }),
        None => Ok(()),
    }
}
