//! The acquisition as seen from white noise.

use diph_core::{Error, ForwardOperator, Preconditioner, Result, Space, View, ViewMut};
use diph_fourier::Multiplier;
use ndarray::ArrayD;
use num_complex::Complex32;
use rayon::prelude::*;

/// `g A L`: white noise w becomes an image `x = L w` of the prior and is measured, in units in which the noise of the
/// measurement is white too. Its damped normal equations `(g^2 L A^H A L + I) w = b` are those of the posterior mean.
pub(crate) struct Whitened<'a> {
    operator: &'a dyn ForwardOperator,
    root: &'a Multiplier,
    gain: f32,
    preconditioner: Multiplier,
}

impl<'a> Whitened<'a> {
    /// `symbol` (coefficient, coefficient, y, x) is the circulant stand-in C of `A^H A`: with it, the preconditioner
    /// is `(g^2 L C L + I)^-1` in every point of Fourier space.
    pub fn new(operator: &'a dyn ForwardOperator, root: &'a Multiplier, gain: f32, symbol: &ArrayD<f32>) -> Self {
        let preconditioner = sandwich(root, symbol, gain * gain);
        Self { operator, root, gain, preconditioner }
    }

    /// `x = L w`.
    pub fn colour(&self, w: &ArrayD<Complex32>) -> ArrayD<Complex32> {
        let mut x = self.operator.domain().zeros();
        self.root.apply(slice(w), None, false, slice_mut(&mut x));
        x
    }
}

/// `factor L C L` in every point of Fourier space, as kernels that [`Multiplier::solve`] takes.
fn sandwich(root: &Multiplier, symbol: &ArrayD<f32>, factor: f32) -> Multiplier {
    let [height, width] = root.grid();
    let k = root.planes();
    let pairs: Vec<(usize, usize)> = (0..k).flat_map(|i| (i..k).map(move |j| (i, j))).collect();
    let points = (height * width) as f32;
    let symbol = symbol.as_slice().unwrap_or_default();
    let mut kernels = vec![0.0; width * pairs.len() * height];
    kernels.par_chunks_mut(pairs.len() * height).enumerate().for_each(|(x, column)| {
        let mut roots = vec![0.0f32; k * k];
        let mut product = vec![0.0f32; k * k];
        for y in 0..height {
            for (index, (i, j)) in pairs.iter().enumerate() {
                // The root's kernels undo the two transforms of an application; here the matrix itself counts.
                let value = points * root.kernels()[(x * pairs.len() + index) * height + y];
                roots[i * k + j] = value;
                roots[j * k + i] = value;
            }
            // C L, then L (C L).
            for i in 0..k {
                for j in 0..k {
                    let c = |p: usize| symbol[((i * k + p) * height + y) * width + x];
                    product[i * k + j] = (0..k).map(|p| c(p) * roots[p * k + j]).sum();
                }
            }
            for (index, (i, j)) in pairs.iter().enumerate() {
                let value: f32 = (0..k).map(|p| roots[i * k + p] * product[p * k + j]).sum();
                column[index * height + y] = factor * value;
            }
        }
    });
    Multiplier::new([height, width], [height, width], k, kernels)
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
        let image = self.colour(&x.to_owned());
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
        self.preconditioner.solve(rho, r, z);
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
