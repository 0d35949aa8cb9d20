//! The two-dimensional discrete Fourier transform.

use std::sync::Arc;

use diph_fourier::{Fft, plan_pair};
use num_complex::Complex32;

/// Unnormalised discrete Fourier transform of images (y, x), with spectra kept transposed, (kx, ky): one transposition
/// less, and the mask does not care. Index m of an axis stands for the frequencies m modulo its length.
pub(crate) struct Fourier {
    height: usize,
    width: usize,
    rows: [Arc<dyn Fft<f32>>; 2],
    columns: [Arc<dyn Fft<f32>>; 2],
}

impl Fourier {
    pub fn new(height: usize, width: usize) -> Self {
        Self { height, width, rows: plan_pair(width), columns: plan_pair(height) }
    }

    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Index of the frequencies (ky, kx) in a spectrum.
    pub fn index(&self, ky: usize, kx: usize) -> usize {
        kx * self.height + ky
    }

    /// Transforms `image`, which is used up, with `exp(-2 pi i ..)`.
    pub fn forward(&self, image: &mut [Complex32], spectrum: &mut [Complex32]) {
        self.rows[0].process(image);
        transpose::transpose(image, spectrum, self.width, self.height);
        self.columns[0].process(spectrum);
    }

    /// The adjoint, with `exp(2 pi i ..)`, of `spectrum`, which is used up.
    pub fn adjoint(&self, spectrum: &mut [Complex32], image: &mut [Complex32]) {
        self.columns[1].process(spectrum);
        transpose::transpose(spectrum, image, self.height, self.width);
        self.rows[1].process(image);
    }
}
