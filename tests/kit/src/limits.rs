//! What is allowed.

/// Largest relative errors that pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Adjointness, relative to the norms of both sides.
    pub adjointness: f64,
    /// Linearity.
    pub linearity: f64,
    /// `normal` against adjoint of forward; a Toeplitz embedding agrees to the accuracy of its transform only.
    pub normal: f64,
    /// Residual of the regularised inverse, relative to the right-hand side.
    pub inverse: f64,
    /// Laws of proximal maps, in units of the accuracy that the prior states.
    pub proximal: f64,
    /// Laws of projectors.
    pub projection: f64,
}

impl Default for Limits {
    /// For computations in `f32`, with a transform of accuracy 1e-4.
    fn default() -> Self {
        Self { adjointness: 1e-6, linearity: 1e-5, normal: 2e-4, inverse: 1e-4, proximal: 10.0, projection: 1e-5 }
    }
}
