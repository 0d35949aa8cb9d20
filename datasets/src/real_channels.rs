//! Complex images as the real channels of a network.

use ndarray::{Array3, ArrayView3};
use num_complex::Complex32;

/// The image (coefficient, y, x) as the real channels re_0, im_0, re_1, im_1, ..., in which the Python code keeps noisy
/// iterates: (2 coefficients, y, x).
pub fn to_channels(image: ArrayView3<'_, Complex32>) -> Array3<f32> {
    let (coefficients, height, width) = image.dim();
    Array3::from_shape_fn((2 * coefficients, height, width), |(channel, y, x)| {
        let value = image[[channel / 2, y, x]];
        if channel % 2 == 0 { value.re } else { value.im }
    })
}

/// The inverse of [`to_channels`]. An odd channel at the end is left out, which a check of the shape finds.
pub fn from_channels(channels: ArrayView3<'_, f32>) -> Array3<Complex32> {
    let (count, height, width) = channels.dim();
    Array3::from_shape_fn((count / 2, height, width), |(k, y, x)| {
        Complex32::new(channels[[2 * k, y, x]], channels[[2 * k + 1, y, x]])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_real_then_imaginary() {
        let image = Array3::from_shape_fn((2, 1, 1), |(k, ..)| Complex32::new(k as f32, -1.0 - k as f32));
        let channels = to_channels(image.view());
        assert_eq!(from_channels(channels.view()), image);
        assert_eq!(channels.into_raw_vec_and_offset().0, [0.0, -1.0, 1.0, -2.0]);
        assert_eq!(from_channels(Array3::zeros((5, 2, 3)).view()).dim(), (2, 2, 3));
    }
}
