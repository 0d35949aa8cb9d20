//! What a reconstruction gives.

use std::time::Duration;

use diph_core::{AnnealedState, ParameterMaps, StopReason};
use ndarray::ArrayD;
use num_complex::Complex32;

/// A reconstructed slice, in the units of its measurement.
pub struct Reconstruction {
    /// The result: z where the physics is in the loop, otherwise `x_hat`. (coefficient, y, x).
    pub tsmi: ArrayD<Complex32>,
    /// The last image that fits the data.
    pub x_hat: ArrayD<Complex32>,
    /// Nearest physical signals of `x_hat`.
    pub projected: ArrayD<Complex32>,
    /// Parameter maps of the result.
    pub maps: ParameterMaps,
    /// Whether the result is `z` of a loop with the physics in it.
    pub physics_in_loop: bool,
    /// Last state of an annealed run, in units of the intensity.
    pub state: Option<AnnealedState>,
    /// Steps of the solver.
    pub iterations: usize,
    /// Why there are no more.
    pub stop: StopReason,
    /// The image value that counted as 1.
    pub intensity: f32,
    /// The part of `elapsed` that serves every sample of the slice: its intensity and condition image.
    pub preparation: Duration,
    /// Time of the slice, matching included. Neither set-up that serves every slice counts nor what is made of the steps while
    /// they run: logs, pictures, metrics.
    pub elapsed: Duration,
}
