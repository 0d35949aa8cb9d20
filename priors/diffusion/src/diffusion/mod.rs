//! The mathematics of diffusion: noise levels, predictions, steps, losses (Ho et al. 2020, Nichol & Dhariwal 2021,
//! Song et al. 2021, Karras et al. 2022).

mod beta_schedule;
mod diffusion_config;
mod diffusion_step;
mod gaussian_diffusion;
mod gaussian_skip;
mod log_normal_sigma;
mod loss;
mod loss_second_moment;
mod parametrisation;
mod preconditioned_batch;
mod preconditioning;
mod respacing;
mod sigma_data;
mod timestep_sampler;

pub use beta_schedule::BetaSchedule;
pub use diffusion_config::DiffusionConfig;
pub use diffusion_config::Variance;
pub use diffusion_step::DiffusionStep;
pub use diffusion_step::Prediction;
pub use gaussian_diffusion::GaussianDiffusion;
pub use gaussian_skip::GaussianSkip;
pub(crate) use gaussian_skip::WienerSkip;
pub use log_normal_sigma::LogNormalSigma;
pub use loss::Loss;
pub(crate) use loss::{mean_squares, square_gradient};
pub(crate) use loss_second_moment::HISTORY;
pub use loss_second_moment::LossSecondMoment;
pub use parametrisation::Parametrisation;
pub use preconditioned_batch::PreconditionedBatch;
pub use preconditioning::CoefficientPreconditioning;
pub use preconditioning::Preconditioning;
pub use respacing::Respacing;
pub use sigma_data::SigmaData;
pub use timestep_sampler::{TimestepDraw, TimestepSampler};
