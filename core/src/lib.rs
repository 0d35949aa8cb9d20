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

mod acquisition;
mod algebra;
mod error;
mod estimator;
mod forward_operator;
mod image_shape;
mod iteration;
mod memory_estimate;
pub mod metrics;
mod parameter_maps;
mod physics_projector;
mod plane_wise;
mod prior;
mod solvers;
mod space;
pub mod vector;

pub use acquisition::{AcquisitionShape, FourierScale};
pub use algebra::{AdjointOperator, Composed, Identity, Scaled, Stacked, Sum};
pub use error::{Error, Result};
pub use estimator::Estimator;
pub use forward_operator::{ForwardOperator, Preconditioner, RegularisedInverse};
pub use image_shape::{ImageShape, Overlap, SpatialAxes};
pub use iteration::{Breakdown, Iteration, Observer, Outcome, Progress, StopReason, run};
pub use memory_estimate::{ByteSize, MemoryEstimate};
pub use parameter_maps::{Parameter, ParameterMaps};
pub use physics_projector::PhysicsProjector;
pub use plane_wise::PlaneWise;
pub use prior::{Conditions, GaussianRoot, NoiseSchedule, Prior, PriorContext, Rng, ScheduleEntry, lend_conditions};
pub use solvers::{
    Admm, AdmmSettings, AdmmState, AnnealedSettings, AnnealedSplitting, AnnealedState, CgSettings, CgState,
    ConjugateGradient, DataSettings, Fista, FistaSettings, FistaState, LeastSquares, LeastSquaresSettings,
    LeastSquaresState, OperatorNorm, PhysicsSettings, PhysicsState, PowerState, Problem, Renoising, Solution,
    objective,
};
pub use space::{Axis, Space, View, ViewMut};
