//! Training: images in, checkpoints out.
//!
//! Everything random of image number n is drawn from a generator that is a function of the seed and n, so that the state
//! of a run is its parameters, moments, averages and step: a run that stops and resumes equals one that never stopped.

mod learning_rate;
mod memory;
mod noise_levels;
mod noised_batch;
mod prepared_sample;
mod random_streams;
mod reuse;
mod sample_source;
mod sizes;
mod state_file;
#[cfg(test)]
mod tests;
mod trainer;
mod training_config;

pub use learning_rate::Annealing;
pub use noise_levels::{NoiseLevels, TimestepSampling};
pub use reuse::Reuse;
pub use sample_source::SampleSource;
pub use sample_source::TrainingSample;
pub use sizes::{measure_gaussian_skip, measure_sigma_data};
pub use trainer::Trainer;
pub use trainer::TrainingStep;
pub use training_config::TrainingConfig;
