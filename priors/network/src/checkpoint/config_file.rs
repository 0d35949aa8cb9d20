//! The configuration of a network without its weights.

use std::io::Read;
use std::path::Path;

use super::safetensors_file::{MAX_HEADER, config_of_header};
use super::{Checkpoint, CheckpointConfig, pytorch};
use crate::{Error, Result};

impl<C: CheckpointConfig> Checkpoint<C> {
    /// The configuration in a checkpoint file, or beside it, without reading the weights; see [`Checkpoint::read`].
    ///
    /// # Errors
    /// [`Error::File`] when a file cannot be read or has no configuration.
    pub fn read_config(path: impl AsRef<Path>) -> Result<C> {
        let path = path.as_ref();
        if pytorch::is_pytorch(path) {
            let path = path.with_extension("json");
            let text = diph_formats::read_text(&path).map_err(|error| Error::file(&path, error))?;
            let config: C = serde_json::from_str(&text).map_err(|error| Error::file(&path, error))?;
            config.check().map_err(|error| error.in_file(&path))?;
            return Ok(config);
        }
        let file = diph_formats::open_file(path).map_err(|error| Error::file(path, error))?;
        Self::config_of(file, path)
    }

    /// The configuration in the bytes of a safetensors file, without decoding the weights; `name` stands for the file in messages.
    ///
    /// # Errors
    /// [`Error::File`] when the bytes are cut off or have no configuration.
    pub fn config_in_bytes(bytes: &[u8], name: impl AsRef<Path>) -> Result<C> {
        Self::config_of(bytes, name.as_ref())
    }

    fn config_of(mut file: impl Read, path: &Path) -> Result<C> {
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|error| Error::file(path, error))?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER {
            return Err(Error::file(path, "not a safetensors file: its header has no sensible length"));
        }
        let mut header = Vec::new();
        file.take(length).read_to_end(&mut header).map_err(|error| Error::file(path, error))?;
        let config: C = config_of_header(&header, path)?;
        config.check().map_err(|error| error.in_file(path))?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Config;
    use super::*;

    #[test]
    fn files_without_a_configuration_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        let message = |path: &Path| Checkpoint::<Config>::read_config(path).unwrap_err().to_string();
        for content in [&b""[..], b"12345678 but no header", b"\x02\0\0\0\0\0\0\0{}"] {
            std::fs::write(&path, content).unwrap();
            assert!(message(&path).contains("net.safetensors"));
        }
        assert!(message(&folder.path().join("net.pt")).contains("net.json"));
    }
}
