//! Non-uniform Fourier transform and the acquisition operator of MR fingerprinting.
//!
//! | item | what it is |
//! |---|---|
//! | [`Trajectory`] | sampling positions in cycles per pixel: radial, spiral, or from a list |
//! | [`density`] | density compensation by area and by the iteration of Pipe and Menon |
//! | [`Nufft`] | the transform of coefficient images with a temporal basis, both ways |
//! | [`ImageSpectra`] | transforms of images with their derivatives at any position, for searches |
//! | [`MrfOperator`] | the acquisition as a [`ForwardOperator`](diph_core::ForwardOperator) with weights, coils, a Toeplitz normal operator and a preconditioner |
//!
//! ```
//! use diph_core::ForwardOperator;
//! use diph_nufft::{MrfOperator, MrfOptions, Trajectory, density};
//! use ndarray::Array2;
//!
//! let trajectory = Trajectory::golden_angle_radial(20, 64)?;
//! let basis = Array2::from_shape_fn((20, 2), |(t, k)| if k == 0 { 0.2 } else { 0.01 * t as f32 });
//! let mut options = MrfOptions::new(trajectory, basis, 32, 32);
//! options.weights = Some(density::by_area(&options.trajectory));
//! let operator = MrfOperator::new(options)?;
//! assert_eq!(operator.range().shape(), [1, 20, 64]);
//! # Ok::<(), diph_core::Error>(())
//! ```
//!
//! # How a transform runs
//!
//! Forward: images times coil sensitivity and deconvolution, Fourier transform along x then y without the lines of the
//! padding that are zero (`diph_fourier::PaddedFft`), grid with the coefficients of a cell side by side, interpolation at the sorted
//! samples (`sorted_points`, `gridding`) where window and temporal basis meet (`temporal_window`). Adjoint: the same
//! backwards. `grid_plan` chooses grid and window for the wanted [`Accuracy`].

mod circulant;
pub mod density;
mod displacements;
mod grid_plan;
mod gridding;
mod image_spectra;
mod kaiser_bessel;
mod lanes;
mod memory;
mod mrf_operator;
mod nufft;
mod polynomial_rows;
mod preconditioner;
mod smooth_images;
mod smooth_system;
mod sorted_points;
mod temporal_window;
mod toeplitz;
mod trajectory;

pub use image_spectra::{ImageSpectra, SpectrumPoint};
pub use kaiser_bessel::Accuracy;
pub use mrf_operator::{MrfOperator, MrfOptions};
pub use nufft::Nufft;
pub use trajectory::{SpiralOptions, Trajectory};
