//! Weights on disk.

mod checkpoint;
mod config_file;
mod numbers;
mod pickle;
mod pytorch;
mod safetensors_file;
#[cfg(test)]
mod tests;
mod training_state;

pub use checkpoint::{Checkpoint, CheckpointConfig};
pub use numbers::WeightFormat;
pub use training_state::{TrainingState, TrainingStateFile};
