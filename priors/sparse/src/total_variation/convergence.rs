//! How well a proximal map was solved.

/// How close an iterative proximal map came.
///
/// The objective is strongly convex, so the duality gap bounds the distance to the exact answer:
/// `1/2 ||x - prox||^2 <= gap`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Convergence {
    /// Number of iterations that the last call ran.
    pub iterations: usize,
    /// `sqrt(2 gap) / ||noisy||`: the relative distance to the exact map is at most this. Single precision keeps it
    /// above about 5e-5; the distance itself is usually several times smaller.
    pub error_bound: f64,
}

impl Convergence {
    /// Nothing had to be solved.
    pub(super) const EXACT: Self = Self { iterations: 0, error_bound: 0.0 };
}
