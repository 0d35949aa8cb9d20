//! Singular values of the pixels x coefficients matrix of a block.

use std::ops::Range;

use nalgebra::{DMatrix, SymmetricEigen};
use num_complex::{Complex32, Complex64};

use crate::denoise_call::ImageShape;

/// A block of columns in a band of channel rows, read as its Casorati matrix C (pixels x coefficients).
///
/// With the eigenvectors V and eigenvalues s^2 of the Gram matrix `C^H C` (coefficients x coefficients, in f64),
/// soft thresholding of the singular values is the product `C V diag(max(0, 1 - tau / s)) V^H`.
pub(super) struct CasoratiBlock {
    shape: ImageShape,
    columns: Range<usize>,
}

impl CasoratiBlock {
    pub fn new(shape: ImageShape, columns: Range<usize>) -> Self {
        Self { shape, columns }
    }

    /// Soft thresholds the singular values of the block by `tau`, in place, and returns the sum of what is left of them.
    pub fn soft_threshold(&self, band: &mut [f32], tau: f64) -> f64 {
        let gram = self.gram(band);
        // The largest singular value is at most the Frobenius norm: nothing is left of a block below tau.
        if gram.trace().re <= tau * tau {
            self.clear(band);
            return 0.0;
        }
        let (shrinkage, nuclear_norm) = shrinkage(gram, tau);
        self.multiply(band, &shrinkage);
        nuclear_norm
    }

    /// Sum of the singular values.
    pub fn nuclear_norm(&self, band: &[f32]) -> f64 {
        let eigenvalues = SymmetricEigen::new(self.gram(band)).eigenvalues;
        eigenvalues.iter().map(|square| square.max(0.0).sqrt()).sum()
    }

    /// Real and imaginary part of coefficient k in one row of the block.
    fn coefficient<'a>(&self, row: &'a [f32], k: usize) -> (&'a [f32], &'a [f32]) {
        let (re, im) = row[2 * k * self.shape.width..][..2 * self.shape.width].split_at(self.shape.width);
        (&re[self.columns.clone()], &im[self.columns.clone()])
    }

    fn gram(&self, band: &[f32]) -> DMatrix<Complex64> {
        let coefficients = self.shape.coefficients;
        let mut gram = DMatrix::<Complex64>::zeros(coefficients, coefficients);
        for row in band.chunks_exact(self.shape.channel_row()) {
            for j in 0..coefficients {
                for k in j..coefficients {
                    gram[(j, k)] += inner_product(self.coefficient(row, j), self.coefficient(row, k));
                }
            }
        }
        for j in 0..coefficients {
            for k in 0..j {
                gram[(j, k)] = gram[(k, j)].conj();
            }
        }
        gram
    }

    /// Multiplies each pixel's row of the Casorati matrix by `matrix` from the right.
    fn multiply(&self, band: &mut [f32], matrix: &DMatrix<Complex32>) {
        let (coefficients, len) = (self.shape.coefficients, self.columns.len());
        let mut product = vec![0.0; 2 * coefficients * len];
        for row in band.chunks_exact_mut(self.shape.channel_row()) {
            product.fill(0.0);
            for (k, product) in product.chunks_exact_mut(2 * len).enumerate() {
                let (product_re, product_im) = product.split_at_mut(len);
                for j in 0..coefficients {
                    let factor = matrix[(j, k)];
                    let (re, im) = self.coefficient(row, j);
                    for i in 0..len {
                        product_re[i] += re[i] * factor.re - im[i] * factor.im;
                        product_im[i] += re[i] * factor.im + im[i] * factor.re;
                    }
                }
            }
            for (channel, product) in row.chunks_exact_mut(self.shape.width).zip(product.chunks_exact(len)) {
                channel[self.columns.clone()].copy_from_slice(product);
            }
        }
    }

    fn clear(&self, band: &mut [f32]) {
        for channel in band.chunks_exact_mut(self.shape.width) {
            channel[self.columns.clone()].fill(0.0);
        }
    }
}

/// `V diag(max(0, 1 - tau / s)) V^H` of a Gram matrix with eigenvectors V and eigenvalues s^2, and the sum of `max(0, s - tau)`.
fn shrinkage(gram: DMatrix<Complex64>, tau: f64) -> (DMatrix<Complex32>, f64) {
    let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(gram);
    let mut scaled = eigenvectors.clone();
    let mut nuclear_norm = 0.0;
    for (mut column, square) in scaled.column_iter_mut().zip(eigenvalues.iter()) {
        let singular_value = square.max(0.0).sqrt();
        let factor = if singular_value > tau { 1.0 - tau / singular_value } else { 0.0 };
        nuclear_norm += (singular_value - tau).max(0.0);
        column.iter_mut().for_each(|v| *v *= factor);
    }
    ((scaled * eigenvectors.adjoint()).map(|z| Complex32::new(z.re as f32, z.im as f32)), nuclear_norm)
}

/// `sum conj(a) b`, in f64.
fn inner_product(a: (&[f32], &[f32]), b: (&[f32], &[f32])) -> Complex64 {
    let mut sum = Complex64::new(0.0, 0.0);
    for (((a_re, a_im), b_re), b_im) in a.0.iter().zip(a.1).zip(b.0).zip(b.1) {
        let (a_re, a_im, b_re, b_im) = (f64::from(*a_re), f64::from(*a_im), f64::from(*b_re), f64::from(*b_im));
        sum.re += a_re * b_re + a_im * b_im;
        sum.im += a_re * b_im - a_im * b_re;
    }
    sum
}
