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
//! This crate does no file input or output and knows no plugin.
//!
//! # Conventions
//!
//! Images are complex arrays in the order (coefficient, y, x), k-space is (coil, frame, sample). Times are in
//! seconds, angles in radians, k-space positions in cycles per pixel within [-1/2, 1/2] as (ky, kx). Views that
//! cross a trait are C-contiguous; anything else is an [`Error::NotContiguous`].

mod error;
mod forward_operator;
mod noise_schedule;
mod parameter;
mod parameter_maps;
mod physics_projector;
mod prior;
mod prior_context;
mod schedule_entry;
mod space;
mod views;

pub use error::{Error, Result};
pub use forward_operator::ForwardOperator;
pub use noise_schedule::NoiseSchedule;
pub use parameter::Parameter;
pub use parameter_maps::ParameterMaps;
pub use physics_projector::PhysicsProjector;
pub use prior::Prior;
pub use prior_context::{PriorContext, Rng};
pub use schedule_entry::ScheduleEntry;
pub use space::{Axis, Space};
pub use views::{View, ViewMut};
