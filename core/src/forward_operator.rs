//! Linear acquisition operators, and the inverse and the preconditioner of regularised normal equations that some have.

use ndarray::ArrayD;

use crate::{Result, Space, View, ViewMut};

/// A linear operator `A` between two [`Space`]s with its exact adjoint.
///
/// Object safe and callable from several threads at once. No call changes how the next one behaves.
///
/// With data weights `w` (density compensation), the operator itself is `W^(1/2) A` in all three maps, and
/// [`data_weights`](Self::data_weights) gives `sqrt(w)`, by which the measured data have to be multiplied. Forward
/// and adjoint stay an exact pair.
pub trait ForwardOperator: Send + Sync {
    /// Short name for messages, for example `mrf-nufft`.
    fn name(&self) -> &str;

    /// Space of the images that [`forward`](Self::forward) takes.
    fn domain(&self) -> &Space;

    /// Space of the samples that [`forward`](Self::forward) gives.
    fn range(&self) -> &Space;

    /// `y = A x`, overwriting `y`.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) or [`Error::NotContiguous`](crate::Error::NotContiguous) when a view
    /// does not fit the space.
    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()>;

    /// `x = A^H y`, overwriting `x`.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()>;

    /// `out = A^H A x`, overwriting `out`. Override it where a shorter way exists (a Toeplitz embedding).
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        let mut samples = self.range().zeros();
        self.forward(x, samples.view_mut())?;
        self.adjoint(samples.view(), out)
    }

    /// `sqrt(w)` in the shape of [`range`](Self::range); `None` means unit weights.
    ///
    /// # Errors
    /// [`Error::External`](crate::Error::External) where the weights come from a part that can fail, such as a plugin.
    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        Ok(None)
    }

    /// The exact `(A^H A + rho I)^-1`, weights included, of an operator that has it in closed form.
    fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
        None
    }

    /// A cheap approximation of `(A^H A + rho I)^-1`, weights included, of an operator that has one.
    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        None
    }
}

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

/// A Hermitian positive definite approximation of `(A^H A + rho I)^-1` of a [`ForwardOperator`](crate::ForwardOperator) `A`
/// that costs about as much as `A^H A` itself or less, for example a circulant one: one division per point of k-space.
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

    /// The diagonal of `A^H A` in the image's Fourier space: in every point the real symmetric matrix C(k) over the coefficients with
    /// `C_jl(k) = <f_k e_j, A^H A f_k e_l>`, where f_k is the harmonic of norm 1 and e_j the unit vector of a coefficient. The
    /// circulant matrix of these is the one nearest to `A^H A` (T. Chan 1988). `(coefficient, coefficient, [z,] y, x)`,
    /// frequencies in the order of a discrete Fourier transform. `None` where the diagonal is not known, or not real.
    ///
    /// Estimators with a stationary prior join it with the prior's own spectrum.
    ///
    /// # Errors
    /// Those of a part that fails to make it.
    fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
        Ok(None)
    }
}
