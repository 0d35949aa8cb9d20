//! Sparsity in an orthogonal wavelet basis.

mod family;
mod options;
mod transform;

use diph_core::{Prior, PriorContext, Result, SpatialAxes, View, ViewMut};
use num_complex::Complex32;
use rand::RngExt;
use rayon::prelude::*;

pub use family::WaveletFamily;
pub use options::WaveletOptions;

use crate::denoise_call::{DenoiseCall, ImageShape};
use crate::shift::Shift;
use transform::Transform;

const NAME: &str = "wavelet";

/// What single precision leaves of the exact proximal map.
const ACCURACY: f32 = 1e-5;

/// Sum of the magnitudes of the detail coefficients in an orthogonal Daubechies basis (Daubechies 1988; Mallat 1989).
///
/// Joint (the default): the detail coefficients of all images at one position count as one vector, with its norm, so
/// that they are kept or dropped together. The approximation band is not penalised.
///
/// Borders are periodic. A band of odd length passes its last sample on to the approximation as it is, so the
/// transform is orthogonal for every size, and soft thresholding by `sigma^2` is the exact proximal map.
#[derive(Clone, Debug)]
pub struct Wavelet {
    options: WaveletOptions,
}

impl Wavelet {
    /// A wavelet prior with these options.
    ///
    /// # Errors
    /// [`Error::Parameter`](diph_core::Error::Parameter) when an option is out of its range.
    pub fn new(options: WaveletOptions) -> Result<Self> {
        options.validate()?;
        Ok(Self { options })
    }

    /// The options that this prior was made with.
    pub fn options(&self) -> &WaveletOptions {
        &self.options
    }

    fn transform(&self, shape: ImageShape) -> Transform {
        Transform::new(self.options.family, self.options.levels, shape.height, shape.width)
    }

    /// Real channels whose detail coefficients are one vector.
    fn group_channels(&self, shape: ImageShape) -> usize {
        if self.options.joint { shape.channels() } else { 2 }
    }

    /// For a fixed grid only: with random shifts there is no single R.
    fn has_penalty(&self) -> bool {
        self.options.shift == Shift::None
    }

    /// R of an image on the fixed grid: what a threshold of zero leaves.
    fn penalty(&self, shape: ImageShape, image: &[Complex32]) -> f64 {
        if image.is_empty() {
            return 0.0;
        }
        let transform = self.transform(shape);
        let planes = analyse(shape, &transform, image, [0, 0]);
        soft_threshold_factors(shape, &transform, &planes, self.group_channels(shape), 0.0).1
    }

    fn draw_shift(&self, context: &mut PriorContext<'_>) -> [usize; 2] {
        match self.options.shift {
            Shift::None => [0, 0],
            Shift::Random => [0, 1].map(|_| context.rng.random_range(0..1_usize << self.options.levels)),
        }
    }
}

impl Prior for Wavelet {
    fn name(&self) -> &str {
        NAME
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        let shift = self.draw_shift(context);
        let call = DenoiseCall::check(NAME, SpatialAxes::Two, &noisy, sigma, clean)?;
        if call.is_identity() {
            let (shape, image) = call.copy();
            return Ok(self.has_penalty().then(|| self.penalty(shape, image)));
        }
        let (shape, transform) = (call.shape, self.transform(call.shape));
        let mut planes = analyse(shape, &transform, call.noisy, shift);
        let group = self.group_channels(shape);
        let (factors, penalty) = soft_threshold_factors(shape, &transform, &planes, group, call.weight as f32);
        planes.par_chunks_exact_mut(shape.pixels()).enumerate().for_each_init(
            || vec![0.0; shape.pixels()],
            |scratch, (channel, plane)| {
                let factors = &factors[channel / group * shape.pixels()..];
                plane.iter_mut().zip(factors).for_each(|(value, factor)| *value *= factor);
                transform.inverse(plane, scratch);
            },
        );
        join(shape, &planes, shift, call.clean);
        Ok(self.has_penalty().then_some(penalty))
    }

    /// For a fixed grid only.
    fn proximal_accuracy(&self) -> Option<f32> {
        self.has_penalty().then_some(ACCURACY)
    }
}

/// Wavelet coefficients of every real channel (channel, y, x) of the image that starts at pixel `shift`.
fn analyse(shape: ImageShape, transform: &Transform, image: &[Complex32], shift: [usize; 2]) -> Vec<f32> {
    let mut planes = vec![0.0; 2 * image.len()];
    planes.par_chunks_exact_mut(shape.pixels()).enumerate().for_each_init(
        || vec![0.0; shape.pixels()],
        |scratch, (channel, plane)| {
            let source = &image[channel / 2 * shape.pixels()..][..shape.pixels()];
            let part = |z: &Complex32| if channel % 2 == 0 { z.re } else { z.im };
            for (y, row) in plane.chunks_exact_mut(shape.width).enumerate() {
                let (before, after) = shifted_row(shape, source, y, shift);
                row.iter_mut().zip(after.iter().chain(before)).for_each(|(value, z)| *value = part(z));
            }
            transform.forward(plane, scratch);
        },
    );
    planes
}

/// The row that comes to `y` when the image starts at pixel `shift`: what moves to its end, and what to its start.
fn shifted_row<T>(shape: ImageShape, plane: &[T], y: usize, [shift_y, shift_x]: [usize; 2]) -> (&[T], &[T]) {
    let source = (y + shift_y) % shape.height;
    plane[source * shape.width..][..shape.width].split_at(shift_x % shape.width)
}

/// Joins real channels that start at pixel `shift` to an image.
fn join(shape: ImageShape, planes: &[f32], [shift_y, shift_x]: [usize; 2], image: &mut [Complex32]) {
    // Shifting back is shifting by the rest of the period.
    let rest = [shape.height - shift_y % shape.height, shape.width - shift_x % shape.width];
    image.par_chunks_exact_mut(shape.pixels()).enumerate().for_each(|(k, image)| {
        let (re, im) = planes[2 * k * shape.pixels()..][..2 * shape.pixels()].split_at(shape.pixels());
        for (y, row) in image.chunks_exact_mut(shape.width).enumerate() {
            let (re_before, re_after) = shifted_row(shape, re, y, rest);
            let (im_before, im_after) = shifted_row(shape, im, y, rest);
            let parts = re_after.iter().chain(re_before).zip(im_after.iter().chain(im_before));
            row.iter_mut().zip(parts).for_each(|(z, (re, im))| *z = Complex32::new(*re, *im));
        }
    });
}

/// Factors of the soft threshold `tau` on the groups' norms, (group, y, x); 1 in the approximation band. Beside them, the sum
/// of what the threshold leaves of the norms.
fn soft_threshold_factors(
    shape: ImageShape,
    transform: &Transform,
    planes: &[f32],
    group_channels: usize,
    tau: f32,
) -> (Vec<f32>, f64) {
    let (pixels, width) = (shape.pixels(), shape.width);
    let mut factors = vec![0.0_f32; shape.channels() / group_channels * pixels];
    let lines = factors.par_chunks_exact_mut(width).enumerate().map(|(line, factors)| {
        let (group, y) = (line / shape.height, line % shape.height);
        for plane in planes[group * group_channels * pixels..].chunks_exact(pixels).take(group_channels) {
            factors.iter_mut().zip(&plane[y * width..]).for_each(|(sum, value)| *sum += value * value);
        }
        let (approximations, details) = factors.split_at_mut(transform.first_detail(y));
        approximations.fill(1.0);
        let mut left = 0.0;
        for factor in details {
            let norm = factor.sqrt();
            left += f64::from((norm - tau).max(0.0));
            *factor = if norm > tau { 1.0 - tau / norm } else { 0.0 };
        }
        left
    });
    let left: Vec<f64> = lines.collect();
    (factors, left.iter().sum())
}
