//! The Cartesian acquisition: a masked Fourier transform with coils and a temporal subspace.
//!
//! ```text
//! y[c,t,s] = scale * sum_k V[t,k] F(S_c x_k)[position of (t,s)]
//! ```
//!
//! over planes and volumes, with the transform `exp(-2 pi i k.(r - N/2))`, its centre at N/2 (integer division). [`CartesianOperator`] takes the
//! same arrays as a non-uniform operator, positions in cycles per pixel included, as long as they lie on the image's
//! grid. [`CartesianSampling`] makes such positions.

mod cartesian_operator;
mod cartesian_sampling;
mod circulant;
mod fourier;
mod grid_samples;
mod memory;
mod regularised_inverse;

pub use cartesian_operator::{CartesianArrays, CartesianOperator, CartesianOptions};
pub use cartesian_sampling::CartesianSampling;
