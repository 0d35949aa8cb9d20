//! The arguments of `denoise`, checked once for all priors, and images as real channels, row by row: (y, channel, x), of a volume
//! (z, y, channel, x), with the channels re_0, im_0, re_1, im_1, ...
//!
//! All values that belong to a row of pixels lie together, and each loop over x is one over consecutive floats. That is the layout
//! for kernels that look at all coefficients of a pixel and at the next row.

use diph_core::{Error, Result, Space, SpatialAxes, View, ViewMut};
use num_complex::Complex32;
use rayon::prelude::*;

/// Axis lengths of an image (coefficient, y, x) or (coefficient, z, y, x).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageShape {
    pub coefficients: usize,
    /// Number of planes; 1 of an image without z axis.
    pub depth: usize,
    pub height: usize,
    pub width: usize,
    spatial: diph_core::ImageShape,
}

impl ImageShape {
    /// Takes the lengths apart, of an image that a prior with these axes takes.
    pub fn new(operation: &str, axes: SpatialAxes, shape: &[usize]) -> Result<Self> {
        let (coefficients, spatial) = diph_core::ImageShape::split(operation, shape)?;
        axes.check(operation, &spatial)?;
        let [height, width] = spatial.plane_lengths();
        Ok(Self { coefficients, depth: spatial.depth(), height, width, spatial })
    }

    /// Whether there is a z axis.
    pub fn is_volume(&self) -> bool {
        self.spatial.is_volume()
    }

    /// Real channels: the real and the imaginary part of every coefficient.
    pub fn channels(&self) -> usize {
        2 * self.coefficients
    }

    /// Rows of pixels, those of all planes one plane after the other.
    pub fn rows(&self) -> usize {
        self.depth * self.height
    }

    pub fn pixels(&self) -> usize {
        self.rows() * self.width
    }

    /// Values in a row of all channels.
    pub fn channel_row(&self) -> usize {
        self.channels() * self.width
    }

    pub fn space(&self) -> Space {
        Space::image(self.coefficients, &self.spatial)
    }
}

/// The arguments of one `denoise`.
pub(crate) struct DenoiseCall<'a> {
    pub shape: ImageShape,
    pub noisy: &'a [Complex32],
    pub clean: &'a mut [Complex32],
    /// Largest absolute value of a real or imaginary part.
    pub peak: f32,
    /// Weight of R, `sigma^2`.
    pub weight: f64,
}

impl<'a> DenoiseCall<'a> {
    /// Checks the arguments of a prior that takes images of these spatial axes.
    pub fn check(prior: &str, axes: SpatialAxes, noisy: &View<'a>, sigma: f32, clean: ViewMut<'a>) -> Result<Self> {
        let operation = format!("{prior}: denoise");
        if !sigma.is_finite() || sigma < 0.0 {
            return Err(Error::parameter(operation, "sigma", "a finite number of at least 0", sigma));
        }
        let shape = ImageShape::new(&operation, axes, noisy.shape())?;
        let noisy = shape.space().slice(&operation, "noisy image", noisy)?;
        let clean = shape.space().slice_mut(&operation, "clean image", clean)?;
        let peak = peak(&operation, noisy)?;
        Ok(Self { shape, noisy, clean, peak, weight: f64::from(sigma).powi(2) })
    }

    /// Whether the answer is the input itself, because sigma or the image is zero.
    pub fn is_identity(&self) -> bool {
        self.weight == 0.0 || self.peak == 0.0
    }

    /// Writes the input as the answer.
    pub fn copy(self) -> (ImageShape, &'a [Complex32]) {
        self.clean.copy_from_slice(self.noisy);
        (self.shape, self.noisy)
    }
}

/// Largest absolute value of a real or imaginary part; an error when one is not finite.
fn peak(operation: &str, image: &[Complex32]) -> Result<f32> {
    // Without the sign, floats are ordered as their bits are, with infinity and NaN above every finite number.
    let magnitude_bits = |value: f32| value.to_bits() & !(1 << 31);
    let bits = image.iter().fold(0, |peak, z| peak.max(magnitude_bits(z.re)).max(magnitude_bits(z.im)));
    let peak = f32::from_bits(bits);
    if peak.is_finite() {
        return Ok(peak);
    }
    let index = image.iter().position(|z| !z.is_finite()).unwrap_or_default();
    Err(Error::NotFinite { operation: operation.into(), role: "image".into(), index })
}

/// Splits an image into channel rows, times `scale`.
pub(crate) fn split_channel_rows(shape: ImageShape, image: &[Complex32], scale: f32, rows: &mut [f32]) {
    if image.is_empty() {
        return;
    }
    let width = shape.width;
    rows.par_chunks_exact_mut(shape.channel_row()).enumerate().for_each(|(y, row)| {
        for (k, channels) in row.chunks_exact_mut(2 * width).enumerate() {
            let (re, im) = channels.split_at_mut(width);
            let source = &image[k * shape.pixels() + y * width..][..width];
            for ((re, im), z) in re.iter_mut().zip(im).zip(source) {
                *re = z.re * scale;
                *im = z.im * scale;
            }
        }
    });
}

/// Joins channel rows to an image, times `scale`.
pub(crate) fn join_channel_rows(shape: ImageShape, rows: &[f32], scale: f32, image: &mut [Complex32]) {
    if image.is_empty() {
        return;
    }
    let width = shape.width;
    image.par_chunks_exact_mut(width).enumerate().for_each(|(line, target)| {
        let (k, y) = (line / shape.rows(), line % shape.rows());
        let (re, im) = rows[y * shape.channel_row() + 2 * k * width..][..2 * width].split_at(width);
        for ((z, re), im) in target.iter_mut().zip(re).zip(im) {
            *z = Complex32::new(re * scale, im * scale);
        }
    });
}
