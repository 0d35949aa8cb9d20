//! Spaces, traits, linear-operator algebra and solvers that every part of Diph stands on.
//!
//! A reconstruction joins three parts, each an object-safe trait so that it can come out of a plugin:
//!
//! | part | trait | example |
//! |---|---|---|
//! | acquisition | [`ForwardOperator`] | non-uniform Fourier transform in an SVD subspace |
//! | image prior | [`Prior`] | total variation, locally low rank, a diffusion model |
//! | physics | [`PhysicsProjector`] | matching against a dictionary of Bloch responses |
//!
//! An [`Iteration`] ([`LeastSquares`], [`Admm`], [`Fista`], [`AnnealedSplitting`]) says what one step does, [`run`] drives it,
//! and [`Observer`]s watch it. This crate does no file input or output and knows no plugin.
//!
//! # Conventions
//!
//! Images are complex arrays in the order (coefficient, y, x) or, of a volume, (coefficient, z, y, x): see
//! [`ImageShape`]. k-space is (coil, frame, sample). Times are in
//! seconds, angles in radians, k-space positions in cycles per pixel within [-1/2, 1/2] as (ky, kx)
//! or (kz, ky, kx). Views that
//! cross a trait are C-contiguous; anything else is an [`Error::NotContiguous`].

mod acquisition_shape;
mod algebra;
mod byte_size;
mod error;
mod estimator;
mod forward_operator;
mod fourier_scale;
mod image_shape;
mod iteration;
mod memory_estimate;
pub mod metrics;
mod noise_schedule;
mod overlap;
mod parameter;
mod parameter_maps;
mod physics_projector;
mod plane_wise;
mod preconditioner;
mod prior;
mod prior_context;
mod regularised_inverse;
mod schedule_entry;
mod solvers;
mod space;
pub mod vector;
mod views;

pub use acquisition_shape::AcquisitionShape;
pub use algebra::{AdjointOperator, Composed, Identity, Scaled, Stacked, Sum};
pub use byte_size::ByteSize;
pub use error::{Error, Result};
pub use estimator::Estimator;
pub use forward_operator::ForwardOperator;
pub use fourier_scale::FourierScale;
pub use image_shape::{ImageShape, SpatialAxes};
pub use iteration::{Breakdown, Iteration, Observer, Outcome, Progress, StopReason, run};
pub use memory_estimate::MemoryEstimate;
pub use noise_schedule::NoiseSchedule;
pub use overlap::Overlap;
pub use parameter::Parameter;
pub use parameter_maps::ParameterMaps;
pub use physics_projector::PhysicsProjector;
pub use plane_wise::PlaneWise;
pub use preconditioner::Preconditioner;
pub use prior::{GaussianRoot, Prior};
pub use prior_context::{Conditions, PriorContext, Rng, lend_conditions};
pub use regularised_inverse::RegularisedInverse;
pub use schedule_entry::ScheduleEntry;
pub use solvers::{
    Admm, AdmmSettings, AdmmState, AnnealedSettings, AnnealedSplitting, AnnealedState, CgSettings, CgState,
    ConjugateGradient, DataSettings, Fista, FistaSettings, FistaState, LeastSquares, LeastSquaresSettings,
    LeastSquaresState, OperatorNorm, PhysicsSettings, PhysicsState, PowerState, Problem, Renoising, Solution,
    objective,
};
pub use space::{Axis, Space};
pub use views::{View, ViewMut};
