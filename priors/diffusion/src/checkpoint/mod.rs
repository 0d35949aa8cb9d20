//! Weights on disk.

mod checkpoint;
mod pytorch;
mod safetensors_file;
#[cfg(test)]
mod tests;
mod weight_format;

pub use checkpoint::Checkpoint;
pub use weight_format::WeightFormat;
