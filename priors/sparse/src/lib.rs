//! Image priors that are proximal maps: total variation, locally low rank and orthogonal wavelets.
//!
//! Each is a [`diph_core::Prior`] whose `denoise(noisy, sigma)` returns the proximal map of `sigma^2 R`,
//!
//! ```text
//! argmin_x  1/2 ||x - noisy||^2 + sigma^2 R(x)
//! ```
//!
//! | prior | R(x) | how |
//! |---|---|---|
//! | [`TotalVariation`] | sum over pixels of the joint norm of all gradients | accelerated dual projection |
//! | [`LocallyLowRank`] | sum over blocks of the nuclear norm of pixels x coefficients | singular-value soft thresholding |
//! | [`Wavelet`] | l1 or group norm of the detail coefficients | soft thresholding, orthogonal transform |
//!
//! Images are (coefficient, y, x) of any size; [`TotalVariation`] takes volumes (coefficient, z, y, x), too, the others go
//! over the planes of a volume one by one ([`diph_core::PlaneWise`]). `sigma = 0` returns the input; values that are not finite are a typed
//! error. Equal input gives equal bytes, whatever the number of threads.

mod denoise_call;
mod locally_low_rank;
mod shift;
mod total_variation;
mod wavelet;

pub use locally_low_rank::{LocallyLowRank, LocallyLowRankOptions};
pub use shift::Shift;
pub use total_variation::{Convergence, TotalVariation, TotalVariationOptions};
pub use wavelet::{Wavelet, WaveletFamily, WaveletOptions};
