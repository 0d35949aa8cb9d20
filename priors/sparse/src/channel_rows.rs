//! Images as real channels, row by row: (y, channel, x), of a volume (z, y, channel, x), with the channels re_0, im_0, re_1, im_1, ...
//!
//! All values that belong to a row of pixels lie together, and each loop over x is one over consecutive floats. That
//! is the layout for kernels that look at all coefficients of a pixel and at the next row.

use num_complex::Complex32;
use rayon::prelude::*;

use crate::image_shape::ImageShape;

/// Splits an image into channel rows, times `scale`.
pub(crate) fn split(shape: ImageShape, image: &[Complex32], scale: f32, rows: &mut [f32]) {
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
pub(crate) fn join(shape: ImageShape, rows: &[f32], scale: f32, image: &mut [Complex32]) {
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
