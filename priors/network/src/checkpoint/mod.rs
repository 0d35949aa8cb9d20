//! Weights on disk.

mod checkpoint;
mod config_file;
mod pytorch;
mod safetensors_file;
#[cfg(test)]
mod tests;
mod weight_format;

pub use checkpoint::{Checkpoint, CheckpointConfig};
pub use weight_format::WeightFormat;
