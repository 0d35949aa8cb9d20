//! The acquisition as seen from white noise.

use diph_core::{Error, ForwardOperator, Preconditioner, Result, Space, View, ViewMut};
use diph_fourier::Multiplier;
use ndarray::ArrayD;
use num_complex::Complex32;

/// `g A L`: white noise w becomes an image `x = L w` of the prior and is measured, in units in which the noise of the
/// measurement is white too. Its damped normal equations `(g^2 L A^H A L + I) w = b` are those of the posterior mean.
pub(crate) struct Whitened<'a> {
    operator: &'a dyn ForwardOperator,
    root: &'a Multiplier,
    gain: f32,
    /// `g^2 L C L` with the circulant stand-in C of `A^H A`.
    circulant: Multiplier,
}

impl<'a> Whitened<'a> {
    /// `circulant` is `g^2 L C L` in every point of Fourier space, as kernels that [`Multiplier::solve`] takes.
    pub fn new(operator: &'a dyn ForwardOperator, root: &'a Multiplier, gain: f32, circulant: Multiplier) -> Self {
        Self { operator, root, gain, circulant }
    }

    /// `x = L w`.
    pub fn colour(&self, w: &ArrayD<Complex32>) -> ArrayD<Complex32> {
        let mut x = self.operator.domain().zeros();
        self.root.apply(slice(w), None, false, slice_mut(&mut x));
        x
    }
}

impl ForwardOperator for Whitened<'_> {
    fn name(&self) -> &str {
        "whitened acquisition"
    }

    fn domain(&self) -> &Space {
        self.operator.domain()
    }

    fn range(&self) -> &Space {
        self.operator.range()
    }

    fn forward(&self, x: View<'_>, mut y: ViewMut<'_>) -> Result<()> {
        let x = self.domain().slice("whitened acquisition: forward", "image", &x)?;
        let mut image = self.operator.domain().zeros();
        self.root.apply(x, None, false, slice_mut(&mut image));
        self.operator.forward(image.view(), y.view_mut())?;
        y.mapv_inplace(|value| value * self.gain);
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        let mut image = self.operator.domain().zeros();
        self.operator.adjoint(y, image.view_mut())?;
        image.mapv_inplace(|value| value * self.gain);
        let out = self.domain().slice_mut("whitened acquisition: adjoint", "image", x)?;
        self.root.apply(slice(&image), None, false, out);
        Ok(())
    }

    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        let x = self.domain().slice("whitened acquisition: normal", "image", &x)?;
        let mut image = self.operator.domain().zeros();
        self.root.apply(x, None, false, slice_mut(&mut image));
        let mut product = self.operator.domain().zeros();
        self.operator.normal(image.view(), product.view_mut())?;
        let square = self.gain * self.gain;
        product.mapv_inplace(|value| value * square);
        let out = self.domain().slice_mut("whitened acquisition: normal", "output", out)?;
        self.root.apply(slice(&product), None, false, out);
        Ok(())
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        Some(self)
    }
}

impl Preconditioner for Whitened<'_> {
    fn apply(&self, rho: f32, r: View<'_>, z: ViewMut<'_>) -> Result<()> {
        if !(rho.is_finite() && rho > 0.0) {
            return Err(Error::parameter("whitened acquisition: preconditioner", "rho", "a positive number", rho));
        }
        let r = self.domain().slice("whitened acquisition: preconditioner", "residual", &r)?;
        let z = self.domain().slice_mut("whitened acquisition: preconditioner", "output", z)?;
        self.circulant.solve(rho, r, z);
        Ok(())
    }
}

/// Values of an array that this module made, and that therefore is C-contiguous.
fn slice(array: &ArrayD<Complex32>) -> &[Complex32] {
    array.as_slice().unwrap_or_default()
}

fn slice_mut(array: &mut ArrayD<Complex32>) -> &mut [Complex32] {
    array.as_slice_mut().unwrap_or_default()
}
