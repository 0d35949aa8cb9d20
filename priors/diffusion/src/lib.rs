//! The diffusion prior: the mathematics of diffusion, training, and networks of [`diph_network`] as priors.
//!
//! | module or type | what |
//! |---|---|
//! | [`Checkpoint`], [`ModelConfig`] | weights with all that is known about them |
//! | [`GaussianDiffusion`], [`DiffusionConfig`] | noise schedules, respacing, predictions, steps |
//! | [`Loss`], [`TimestepSampler`], [`LogNormalSigma`] | what training needs beside the network |
//! | [`Trainer`], [`TrainingConfig`], [`SampleSource`] | training that resumes bit for bit |
//! | [`Denoiser`], [`DiffusionPrior`] | the network as a denoiser, and as a [`Prior`](diph_core::Prior) of Diph's solvers |
//!
//! A complex image of K coefficients is 2 K real channels re_0, im_0, re_1, im_1, ... Networks see images divided by the
//! intensity ([`IntensityConfig`]); solvers work in the same units, so the prior scales nothing.

mod denoiser;
mod diffusion;
mod error;
mod image_channels;
mod intensity_config;
mod model_config;
mod prior;
mod prior_options;
#[cfg(test)]
mod tensors_for_tests;
mod training;

/// Weights of a diffusion model and all that is known about them.
pub type Checkpoint = diph_network::Checkpoint<ModelConfig>;

pub use denoiser::Denoiser;
pub use diffusion::{
    BetaSchedule, CoefficientPreconditioning, DiffusionConfig, DiffusionStep, GaussianDiffusion, GaussianSkip,
    LogNormalSigma, Loss, LossSecondMoment, Parametrisation, PreconditionedBatch, Preconditioning, Prediction,
    Respacing, SigmaData, TimestepDraw, TimestepSampler, Variance,
};
pub use error::{Error, Result};
pub use intensity_config::IntensityConfig;
pub use model_config::ModelConfig;
pub use prior::DiffusionPrior;
pub use prior_options::PriorOptions;
pub use training::{
    Annealing, NoiseLevels, Reuse, SampleSource, TimestepSampling, Trainer, TrainingConfig, TrainingSample,
    TrainingStep, measure_gaussian_skip, measure_sigma_data,
};
