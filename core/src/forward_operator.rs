//! The acquisition: a linear operator from images to samples.

use ndarray::ArrayD;

use crate::{Preconditioner, RegularisedInverse, Result, Space, View, ViewMut};

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
    /// Where the weights come from a part that can fail, such as a plugin.
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
