//! Weights on disk.

#[expect(clippy::module_inception, reason = "one public type per file, named after it")]
mod checkpoint;
mod pytorch;
mod safetensors_file;
#[cfg(test)]
mod tests;
mod weight_format;

pub use checkpoint::Checkpoint;
pub use weight_format::WeightFormat;
