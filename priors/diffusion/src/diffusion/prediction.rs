//! What a network says about the step before.

use diph_network::Tensor;

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
