//! Training of priors and of regression networks: where samples come from and what a run leaves behind.
//!
//! A training sample is an image that was just measured: an [`ImageSource`] gives a TSMI (maps or phantoms through a
//! [`SignalModel`], or stored images), [`Augmentation`] varies it, a [`Measurement`] makes k-space with noise, and the intensity
//! and the condition image are computed from that k-space as in a reconstruction ([`SimulatedSamples`]). A `TrainingRun` feeds
//! them to [`Trainer`](diph_diffusion::Trainer) and keeps the folder of the run.
//!
//! A [`RegressionRun`] learns maps from measured images, [`learn_spectrum`] makes the spectrum of a Gaussian prior from the same maps and phantoms, in seconds.
//!
//! Phantom subjects below 1000 are left to evaluation (subject 0 is that of `diph demo`) and validation (900 to 999).

#![deny(unsafe_code)]

mod augmentation;
mod centred;
mod data_config;
mod image_source;
mod map_variation;
mod maps_source;
mod measurement;
mod mixture;
mod phantom_source;
mod regression;
mod response_table;
mod run_config;
mod run_folder;
mod signal_model;
mod simulated_samples;
mod spectrum;
mod training_data;
mod training_log;
mod training_loop;
mod training_plan;
mod training_run;
mod tsmi_source;
mod validation;

pub use augmentation::Augmentation;
pub use centred::centred;
pub use data_config::DataConfig;
pub use data_config::FolderImages;
pub use image_source::{ImageSource, MapSource};
pub use map_variation::MapVariation;
pub use maps_source::MapsSource;
pub use measurement::{Measured, Measurement};
pub use phantom_source::PhantomSource;
pub use regression::{
    RegressionData, RegressionRun, RegressionRunConfig, RegressionSummary, ValidationRow, judge_methods,
};
pub use response_table::ResponseTable;
pub use run_config::RunConfig;
pub use run_folder::RunFolder;
pub use signal_model::SignalModel;
pub use simulated_samples::SamplePart;
pub use simulated_samples::SimulatedSamples;
pub use spectrum::{LearnedSpectrum, SpectrumSettings, learn_spectrum};
pub use training_data::TrainingData;
pub use training_log::{LoggedStep, TrainingLog};
pub use training_loop::TrainingProgress;
pub use training_plan::{regression_plan, regression_time, training_plan, training_time};
pub use training_run::{RunOptions, TrainingRun, TrainingSummary, measure_sizes};
pub use tsmi_source::TsmiSource;
pub use validation::Validation;
pub use validation::ValidationErrors;
