//! State of conjugate gradients.

use ndarray::ArrayD;
use num_complex::Complex32;

/// Iterate, residual and search direction of conjugate gradients.
#[derive(Clone, Debug)]
pub struct CgState {
    /// The iterate `u`.
    pub solution: ArrayD<Complex32>,
    /// `b - (A^H A + rho) u`.
    pub residual: ArrayD<Complex32>,
    /// Norm of the residual.
    pub residual_norm: f64,
    pub(super) direction: ArrayD<Complex32>,
    pub(super) product: ArrayD<Complex32>,
}
