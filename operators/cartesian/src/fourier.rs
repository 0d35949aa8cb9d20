//! The discrete Fourier transform of planes and volumes.

use std::mem::swap;
use std::sync::Arc;

use diph_core::ImageShape;
use diph_fourier::{Fft, plan_pair};
use num_complex::Complex32;

/// Unnormalised discrete Fourier transform of images (y, x) or (z, y, x).
///
/// Each axis is transformed while it lies innermost, and a transposition brings the next one there. The spectra stay as
/// the last transposition leaves them, (kx, ky) or (ky, kx, kz): the mask does not care. Index m of an axis stands for
/// the frequencies m modulo its length.
pub(crate) struct Fourier {
    /// Slowest axis of the image first.
    axes: Vec<Axis>,
    pixels: usize,
}

struct Axis {
    len: usize,
    forward: Arc<dyn Fft<f32>>,
    adjoint: Arc<dyn Fft<f32>>,
}

impl Fourier {
    pub fn new(image: &ImageShape) -> Self {
        let axis = |len: &usize| {
            let [forward, adjoint] = plan_pair(*len);
            Axis { len: *len, forward, adjoint }
        };
        Self { axes: image.lengths().iter().map(axis).collect(), pixels: image.pixels() }
    }

    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Place in a spectrum of the frequency with these indices, in the order of the image's axes. Of `[z, y, x]`, a
    /// spectrum has the order `[y, x, z]`.
    pub fn index(&self, frequency: &[usize]) -> usize {
        let rotated = (1..self.axes.len()).chain([0]);
        rotated.fold(0, |index, axis| index * self.axes[axis].len + frequency[axis])
    }

    /// Transforms `image`, which is used up, with `exp(-2 pi i ..)`.
    pub fn forward(&self, image: &mut [Complex32], spectrum: &mut [Complex32]) {
        let (mut from, mut to) = (image, spectrum);
        for (step, axis) in self.axes.iter().rev().enumerate() {
            if step > 0 {
                let innermost = self.axes[self.axes.len() - step].len;
                transpose::transpose(from, to, innermost, self.pixels / innermost);
                swap(&mut from, &mut to);
            }
            axis.forward.process(from);
        }
        if self.ends_where_it_starts() {
            to.copy_from_slice(from);
        }
    }

    /// The adjoint, with `exp(2 pi i ..)`, of `spectrum`, which is used up.
    pub fn adjoint(&self, spectrum: &mut [Complex32], image: &mut [Complex32]) {
        let (mut from, mut to) = (spectrum, image);
        for (step, axis) in self.axes.iter().enumerate() {
            if step > 0 {
                transpose::transpose(from, to, self.pixels / axis.len, axis.len);
                swap(&mut from, &mut to);
            }
            axis.adjoint.process(from);
        }
        if self.ends_where_it_starts() {
            to.copy_from_slice(from);
        }
    }

    /// Whether an even number of transpositions leaves the result in the buffer that the input came in.
    fn ends_where_it_starts(&self) -> bool {
        !self.axes.len().is_multiple_of(2)
    }
}
