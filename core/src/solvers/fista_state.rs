//! State of FISTA.

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::Rng;

/// Iterate and momentum of [`Fista`](super::Fista).
#[derive(Clone, Debug)]
pub struct FistaState {
    /// The iterate.
    pub x: ArrayD<Complex32>,
    /// `||x - previous x|| / ||x||`.
    pub relative_change: f32,
    pub(super) extrapolated: ArrayD<Complex32>,
    pub(super) previous: ArrayD<Complex32>,
    pub(super) gradient: ArrayD<Complex32>,
    pub(super) momentum: f64,
    pub(super) rng: Rng,
}
