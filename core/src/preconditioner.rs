//! An approximate solution of regularised normal equations, for conjugate gradients to start each step from.

use ndarray::ArrayD;

use crate::{Result, View, ViewMut};

/// A Hermitian positive definite approximation of `(A^H A + rho I)^-1` of a [`ForwardOperator`](crate::ForwardOperator) `A`
/// that is far cheaper than `A^H A` itself, for example a circulant one: one division per point of k-space.
///
/// It must be linear and the same for every call with the same `rho`, or conjugate gradients lose their conjugacy.
pub trait Preconditioner: Send + Sync {
    /// `z = M r`, overwriting `z`, where `M` is near `(A^H A + rho I)^-1` up to a common factor. Both are in the
    /// operator's domain.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) when `rho` is negative, not finite, or too small for `M` to be
    /// positive definite, and [`Error::Shape`](crate::Error::Shape) or
    /// [`Error::NotContiguous`](crate::Error::NotContiguous) when a view does not fit the domain.
    fn apply(&self, rho: f32, r: View<'_>, z: ViewMut<'_>) -> Result<()>;

    /// The circulant approximation of `A^H A` itself, of a preconditioner that is made from one: a real symmetric matrix over
    /// the coefficients at every frequency, (coefficient, coefficient, [z,] y, x), frequencies in the order of the discrete
    /// Fourier transform, 0 first. With the unitary transform F of every coefficient image, `A^H A` is near `F^H C F`.
    /// Those who know the image's own spectrum build on it.
    ///
    /// # Errors
    /// Where the approximation has to be computed, and that fails.
    fn circulant(&self) -> Result<Option<ArrayD<f32>>> {
        Ok(None)
    }
}
