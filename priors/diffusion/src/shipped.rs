//! The networks that come with Diph.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Checkpoint, ModelConfig, Result};

/// A network that comes with Diph, by the name of its file; see the model cards beside them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShippedNetwork {
    /// Of the acquisition of `diph demo`, conditional on `cg-10` or not.
    #[default]
    Brain,
    /// Of the Deli-CS acquisition, conditional on the signal of the regression network's maps (`unet`).
    DeliCsConditional,
    /// Of the Deli-CS acquisition, unconditional.
    DeliCsUnconditional,
}

/// The header of a safetensors file; nothing else of it becomes part of the program here.
macro_rules! header {
    ($path:literal) => {{
        const FILE: &[u8] = include_bytes!($path);
        static HEADER: [u8; header_len(FILE)] = match FILE.split_at(8).1.first_chunk() {
            Some(header) => *header,
            None => panic!("the shipped weights are cut off"),
        };
        &HEADER
    }};
}

/// The number in front of a safetensors file: the length of the header that follows.
const fn header_len(file: &[u8]) -> usize {
    match file.first_chunk::<8>() {
        Some(bytes) => u64::from_le_bytes(*bytes) as usize,
        None => panic!("no safetensors file"),
    }
}

impl ShippedNetwork {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Brain, Self::DeliCsConditional, Self::DeliCsUnconditional];

    /// The name of its file.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Brain => "brain.safetensors",
            Self::DeliCsConditional => "deli-cs-conditional.safetensors",
            Self::DeliCsUnconditional => "deli-cs-unconditional.safetensors",
        }
    }

    /// Its configuration.
    ///
    /// # Errors
    /// Never; a test reads them.
    pub fn config(self) -> Result<ModelConfig> {
        let header: &[u8] = match self {
            Self::Brain => header!("../weights/brain.safetensors"),
            Self::DeliCsConditional => header!("../weights/deli-cs-conditional.safetensors"),
            Self::DeliCsUnconditional => header!("../weights/deli-cs-unconditional.safetensors"),
        };
        Ok(Checkpoint::config_in_header(header, self.file_name())?)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_configuration_alone_is_that_of_the_whole_file() {
        for network in ShippedNetwork::ALL {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights").join(network.file_name());
            let whole = Checkpoint::read(&path).unwrap().config;
            whole.check().unwrap();
            assert_eq!(network.config().unwrap(), whole);
            assert_eq!(Checkpoint::read_config(path).unwrap(), whole);
        }
    }
}
