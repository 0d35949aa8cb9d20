//! What validation finds.

/// Errors of one network.
pub struct ValidationErrors {
    /// Noise level, NRMSE over all coefficients, and NRMSE of each coefficient; means over the samples.
    pub levels: Vec<(f32, f64, Vec<f64>)>,
    /// A PNG of each drawn sample.
    pub pictures: Vec<Vec<u8>>,
}
