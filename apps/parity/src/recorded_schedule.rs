//! A noise schedule of the Python code.

use serde::Deserialize;

/// A respaced noise schedule, least noisy first.
#[derive(Debug, Deserialize)]
pub struct RecordedSchedule {
    /// Timesteps of the schedule that the network was trained with.
    pub timestep_map: Vec<usize>,
    /// abar of each.
    pub alphas_cumprod: Vec<f64>,
    /// Variance of `q(x_{t-1} | x_t, x_0)`.
    pub posterior_variance: Vec<f64>,
}
