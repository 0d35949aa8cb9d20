//! The configuration of a network without its weights.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::safetensors_file::config_of_header;
use super::{Checkpoint, pytorch};
use crate::{Error, ModelConfig, Result};

/// Longest header that a safetensors file may have.
const MAX_HEADER: u64 = 100_000_000;

/// The network that comes with Diph; only the header of the file becomes part of the program.
const SHIPPED: &[u8] = include_bytes!("../../weights/brain.safetensors");
static SHIPPED_HEADER: [u8; header_len(SHIPPED)] = match SHIPPED.split_at(8).1.first_chunk() {
    Some(header) => *header,
    None => panic!("the shipped weights are cut off"),
};

/// The number in front of a safetensors file: the length of the header that follows.
const fn header_len(file: &[u8]) -> usize {
    match file.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes) as usize,
        None => panic!("no safetensors file"),
    }
}

impl Checkpoint {
    /// The configuration in a checkpoint file, or beside it, without reading the weights; see [`Checkpoint::read`].
    ///
    /// # Errors
    /// [`Error::File`] when a file cannot be read or has no configuration.
    pub fn read_config(path: impl AsRef<Path>) -> Result<ModelConfig> {
        let path = path.as_ref();
        if pytorch::is_pytorch(path) {
            let path = path.with_extension("json");
            let text = std::fs::read_to_string(&path).map_err(|error| Error::file(&path, error))?;
            let config: ModelConfig = serde_json::from_str(&text).map_err(|error| Error::file(&path, error))?;
            config.check().map_err(|error| error.in_file(&path))?;
            return Ok(config);
        }
        let mut file = File::open(path).map_err(|error| Error::file(path, error))?;
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|error| Error::file(path, error))?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER {
            return Err(Error::file(path, "not a safetensors file: its header has no sensible length"));
        }
        let mut header = Vec::new();
        file.take(length).read_to_end(&mut header).map_err(|error| Error::file(path, error))?;
        let config = config_of_header(&header, path)?;
        config.check().map_err(|error| error.in_file(path))?;
        Ok(config)
    }

    /// The configuration of the network that comes with Diph.
    ///
    /// # Errors
    /// Never; a test reads it.
    pub fn shipped_config() -> Result<ModelConfig> {
        config_of_header(&SHIPPED_HEADER, Path::new("brain.safetensors"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_alone_is_that_of_the_whole_file() {
        let whole = Checkpoint::from_bytes(SHIPPED, "brain.safetensors").unwrap().config;
        assert_eq!(Checkpoint::shipped_config().unwrap(), whole);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/brain.safetensors");
        assert_eq!(Checkpoint::read_config(path).unwrap(), whole);
    }

    #[test]
    fn files_without_a_configuration_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("net.safetensors");
        for content in [&b""[..], b"12345678 but no header", b"\x02\0\0\0\0\0\0\0{}"] {
            std::fs::write(&path, content).unwrap();
            assert!(Checkpoint::read_config(&path).unwrap_err().to_string().contains("net.safetensors"));
        }
        assert!(Checkpoint::read_config(folder.path().join("net.pt")).unwrap_err().to_string().contains("net.json"));
    }
}
