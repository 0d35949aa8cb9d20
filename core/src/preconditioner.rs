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

    /// Of a circulant preconditioner: the real symmetric matrix `C(k)` over the coefficients that stands for `A^H A` in every
    /// point of the image's Fourier space, so that `M = (C + rho I)^-1` there. `(coefficient, coefficient, [z,] y, x)`,
    /// frequencies in the order of a discrete Fourier transform. `None` where the preconditioner is of another sort.
    ///
    /// Estimators with a stationary prior join it with the prior's own spectrum.
    ///
    /// # Errors
    /// Those of a part that fails to make it.
    fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
        Ok(None)
    }
}
