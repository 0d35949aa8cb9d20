//! A stationary Gaussian prior with a learned spectrum, and the linear estimate that it makes of a measurement.
//!
//! | item | what it is |
//! |---|---|
//! | [`Spectrum`] | covariance over the SVD coefficients in rings of Fourier space, learned from images of a temporal basis |
//! | [`mmse_image`] | the posterior mean of a measurement under that prior: linear, and converged in about ten steps |
//! | [`GaussianModel`], [`Posterior`] | the same in parts: noise level, scale, mean, and exact samples of the posterior |
//! | [`AnnealedPosterior`] | posterior samples of a denoising prior that knows its covariance |
//! | [`GaussianPrior`] | the prior as a denoiser: its proximal map, exact in Fourier space |
//! | [`principal_angles`], [`Spectrum::for_basis`] | whether a spectrum is of an acquisition's temporal basis |
//! | [`proton_density_scale`] | the size m by which images are divided before they are compared |
//!
//! The prior says that an image is `x = m L w` with white noise w, `L = S^(1/2)` ring by ring in Fourier space, and m the
//! size of its proton density. It knows how much energy each coefficient has at each spatial frequency and how the
//! coefficients go together, and nothing of edges or tissues.

mod annealed;
mod basis_fit;
mod mmse;
mod model;
mod prior;
mod scale;
mod spectrum;
mod spectrum_file;
mod whitened;

pub use annealed::{AnnealedPosterior, AnnealedPosteriorSettings, AnnealedPosteriorState};
pub use basis_fit::{basis_misfit, principal_angles};
pub use mmse::{MmseSettings, mmse_image};
pub use model::{GaussianModel, MmseImage, Posterior};
pub use prior::GaussianPrior;
pub use scale::proton_density_scale;
pub use spectrum::{Spectrum, SpectrumSum};
