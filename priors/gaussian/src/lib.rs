//! A stationary Gaussian prior with a learned spectrum, and the linear estimate that it makes of a measurement.
//!
//! | item | what it is |
//! |---|---|
//! | [`Spectrum`] | covariance over the SVD coefficients in rings of Fourier space, learned from images of a temporal basis |
//! | [`mmse_image`] | the posterior mean of a measurement under that prior: linear, and converged in about ten steps |
//! | [`proton_density_scale`] | the size m by which images are divided before they are compared |
//!
//! The prior says that an image is `x = m L w` with white noise w, `L = S^(1/2)` ring by ring in Fourier space, and m the
//! size of its proton density. It knows how much energy each coefficient has at each spatial frequency and how the
//! coefficients go together, and nothing of edges or tissues.

mod mmse;
mod scale;
mod spectrum;
mod spectrum_file;
mod whitened;

pub use mmse::{MmseImage, MmseSettings, mmse_image};
pub use scale::proton_density_scale;
pub use spectrum::{Spectrum, SpectrumSum};
