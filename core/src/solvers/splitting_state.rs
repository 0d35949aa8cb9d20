//! State of proximal splitting.

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{ParameterMaps, Rng};

/// Everything that changes during [`ProximalSplitting`](super::ProximalSplitting). Images are those of the operator's
/// domain, in units of the problem's intensity.
#[derive(Clone, Debug)]
pub struct SplittingState {
    /// Finished steps.
    pub step: usize,
    /// Noisy iterate of an annealed run.
    pub x_t: ArrayD<Complex32>,
    /// The prior's image.
    pub x_tilde: ArrayD<Complex32>,
    /// The image that fits the data.
    pub x_hat: ArrayD<Complex32>,
    /// The image that fits the physics; zeros without a projector.
    pub z: ArrayD<Complex32>,
    /// Dual variable of `x_hat = z`.
    pub v: ArrayD<Complex32>,
    /// Dual variable of `x_hat = x_tilde` in an un-annealed run.
    pub prior_dual: ArrayD<Complex32>,
    /// Parameter maps of `z`, its amplitude in units of the intensity.
    pub maps: Option<ParameterMaps>,
    /// `||x_hat - previous x_hat|| / ||x_hat||`.
    pub relative_change: f32,
    /// Generator of all random numbers of the run.
    pub rng: Rng,
}
