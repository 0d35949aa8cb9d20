//! The exact solution of regularised normal equations, where an operator has one.

use crate::{Result, View, ViewMut};

/// `(A^H A + rho I)^-1` of a [`ForwardOperator`](crate::ForwardOperator) `A` in closed form: a Fourier transform on a Cartesian
/// grid has it, one division per point of k-space.
///
/// The data step of a splitting uses it in place of conjugate gradients, as BART's `norm_inv` does.
pub trait RegularisedInverse: Send + Sync {
    /// `x = (A^H A + rho I)^-1 b`, overwriting `x`. Both are in the operator's domain. Exact but for rounding.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) when `rho` is not a positive number, and
    /// [`Error::Shape`](crate::Error::Shape) or [`Error::NotContiguous`](crate::Error::NotContiguous) when a view does
    /// not fit the domain.
    fn solve(&self, rho: f32, b: View<'_>, x: ViewMut<'_>) -> Result<()>;
}
