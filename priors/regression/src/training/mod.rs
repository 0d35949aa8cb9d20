//! Training: samples in, checkpoints out.
//!
//! Everything random of draw number n follows from the seed and n, and the samples that are in use at a step follow from the step:
//! a run that stops and resumes equals one that never stopped.

mod config;
mod initial;
mod memory;
mod pool;
mod state;
#[cfg(test)]
mod tests;
mod trainer;

pub use config::{TrainingConfig, TrainingSettings};
pub use pool::{Sample, SampleSource};
pub use trainer::{Trainer, TrainingStep};

#[cfg(test)]
pub(crate) use tests::test_network;
