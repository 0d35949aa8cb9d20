//! The network that comes with Diph.

use crate::{Checkpoint, ModelConfig, Result};

/// The network that comes with Diph; only the header of the file becomes part of the program.
const SHIPPED: &[u8] = include_bytes!("../weights/brain.safetensors");
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

/// The configuration of the network that comes with Diph.
///
/// # Errors
/// Never; a test reads it.
pub fn shipped_config() -> Result<ModelConfig> {
    Ok(Checkpoint::config_in_header(&SHIPPED_HEADER, "brain.safetensors")?)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_configuration_alone_is_that_of_the_whole_file() {
        let whole = Checkpoint::from_bytes(SHIPPED, "brain.safetensors").unwrap().config;
        assert_eq!(shipped_config().unwrap(), whole);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/brain.safetensors");
        assert_eq!(Checkpoint::read_config(path).unwrap(), whole);
    }
}
