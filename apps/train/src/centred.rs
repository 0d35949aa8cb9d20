//! Images of one size as images of another.

use diph_core::Overlap;
use ndarray::{Array3, ArrayView3, s};
use num_complex::Complex32;

/// The image (coefficient, y, x) cut or surrounded by zeros to `size` x `size`, centred as the diffusion prior centres it.
pub fn centred(image: ArrayView3<'_, Complex32>, size: usize) -> Array3<Complex32> {
    let (coefficients, height, width) = image.dim();
    let (y, x) = (Overlap::centred(height, size), Overlap::centred(width, size));
    let mut result = Array3::zeros((coefficients, size, size));
    let common = image.slice(s![.., y.first..y.first + y.len, x.first..x.first + x.len]);
    result.slice_mut(s![.., y.second..y.second + y.len, x.second..x.second + x.len]).assign(&common);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_and_surrounds() {
        let image = Array3::from_shape_fn((1, 6, 3), |(_, y, x)| Complex32::new(y as f32, x as f32));
        let found = centred(image.view(), 4);
        assert_eq!(found[[0, 0, 0]], Complex32::new(1.0, 0.0));
        assert_eq!(found[[0, 3, 2]], Complex32::new(4.0, 2.0));
        assert!(found.slice(s![.., .., 3]).iter().all(|value| *value == Complex32::ZERO));
        let there_and_back = centred(centred(image.view(), 9).view(), 6);
        assert_eq!(there_and_back.slice(s![.., .., 2..5]), image);
    }
}
