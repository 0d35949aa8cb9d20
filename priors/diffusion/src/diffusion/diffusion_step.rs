//! The numbers of one step.

use diph_network::Tensor;

/// One step of a (respaced) diffusion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiffusionStep {
    /// Timestep of the schedule that the network was trained with.
    pub timestep: usize,
    /// Variance added by the step.
    pub beta: f64,
    /// Share of the signal's variance left after it.
    pub abar: f64,
    /// The same after the step before; 1 at the first.
    pub previous_abar: f64,
    /// Variance of `q(x_{t-1} | x_t, x_0)`; 0 at the first.
    pub posterior_variance: f64,
    /// Its logarithm, with the second step's value at the first, where it is minus infinity.
    pub posterior_log_variance: f64,
}

impl DiffusionStep {
    /// Noise relative to the signal, `sqrt((1 - abar) / abar)`.
    pub fn sigma(&self) -> f64 {
        ((1.0 - self.abar) / self.abar).sqrt()
    }

    /// Weight of x_0 in the mean of `q(x_{t-1} | x_t, x_0)`.
    pub fn posterior_weight_of_clean(&self) -> f64 {
        self.beta * self.previous_abar.sqrt() / (1.0 - self.abar)
    }

    /// Weight of x_t in the mean of `q(x_{t-1} | x_t, x_0)`.
    pub fn posterior_weight_of_noisy(&self) -> f64 {
        (1.0 - self.previous_abar) * (1.0 - self.beta).sqrt() / (1.0 - self.abar)
    }
}

/// `p(x_{t-1} | x_t)` and the image that it comes from; all of the shape of x_t.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Predicted x_0.
    pub clean: Tensor,
    /// Mean of x_{t-1}.
    pub mean: Tensor,
    /// Logarithm of its variance.
    pub log_variance: Tensor,
}
