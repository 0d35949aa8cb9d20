//! How the network's channels of one coefficient are scaled.

/// `x_0 = skip * y + output * F(input * y, time)`, for one complex coefficient or for all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoefficientPreconditioning {
    /// Scale of the network's input.
    pub input: f64,
    /// Weight of the noisy image.
    pub skip: f64,
    /// Scale of the network's output.
    pub output: f64,
}
