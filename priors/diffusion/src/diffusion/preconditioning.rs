//! How a network's input and output become a denoiser.

/// `x_0 = skip * y + output * F(input * y, time)` for the noisy image `y = x_0 + sigma n` (Karras et al. 2022, table 1).
///
/// Predicting the noise, the image or v are special cases, so that one denoiser and one loss serve all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preconditioning {
    /// Scale of the network's input.
    pub input: f64,
    /// Weight of the noisy image.
    pub skip: f64,
    /// Scale of the network's output.
    pub output: f64,
    /// What the network is told as time.
    pub time: f64,
}
