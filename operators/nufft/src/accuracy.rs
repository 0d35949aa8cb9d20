//! The accuracy that a non-uniform Fourier transform is planned for.

use diph_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Relative accuracy `eps` of a non-uniform Fourier transform, from 1e-6 to 1e-2 (default 1e-4).
///
/// The relative l2 error of forward and adjoint against the direct sum stays below `eps` for every image. Single
/// precision carries all of the range: at 1e-6, the error measured on random data is 1.4e-7 to 2.7e-7 for images of up to
/// 64 x 64 pixels (`tests/direct_sum.rs`), and 1.6e-7 (forward) and 2.4e-7 (adjoint) for 230 x 230 pixels and 184,000
/// samples. There, the rounding of the Toeplitz kernels keeps the normal operator within 3e-6 of adjoint after forward.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Accuracy(f64);

impl Accuracy {
    /// The finest accuracy that single precision carries.
    pub const FINEST: Self = Self(1e-6);

    /// The relative accuracy `eps`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `eps` lies outside of [1e-6, 1e-2].
    pub fn new(eps: f64) -> Result<Self> {
        // The slack lets decimal fractions that were rounded to f32 on their way still count as 1e-6 and 1e-2.
        if (0.999e-6..=1.001e-2).contains(&eps) {
            return Ok(Self(eps));
        }
        Err(Error::parameter("nufft", "accuracy", "a number from 1e-6 to 1e-2", eps))
    }

    /// The largest relative l2 error that the transform may have.
    pub fn value(self) -> f64 {
        self.0
    }

    /// Ten times as accurate, as far as single precision goes.
    pub(crate) fn finer(self) -> Self {
        Self((self.0 / 10.0).max(Self::FINEST.0))
    }
}

impl Default for Accuracy {
    fn default() -> Self {
        Self(1e-4)
    }
}

impl TryFrom<f64> for Accuracy {
    type Error = Error;

    fn try_from(eps: f64) -> Result<Self> {
        Self::new(eps)
    }
}

impl From<Accuracy> for f64 {
    fn from(accuracy: Accuracy) -> Self {
        accuracy.0
    }
}
