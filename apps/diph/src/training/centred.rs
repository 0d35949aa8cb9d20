//! Images of one size as images of another.

use ndarray::{Array3, ArrayView3, s};
use num_complex::Complex32;

/// The image (coefficient, y, x) cut or surrounded by zeros to `size` x `size`, centred as the diffusion prior centres it.
pub fn centred(image: ArrayView3<'_, Complex32>, size: usize) -> Array3<Complex32> {
    let (coefficients, height, width) = image.dim();
    let (y, x) = (Overlap::new(height, size), Overlap::new(width, size));
    let mut result = Array3::zeros((coefficients, size, size));
    result.slice_mut(s![.., y.to..y.to + y.len, x.to..x.to + x.len]).assign(&image.slice(s![
        ..,
        y.from..y.from + y.len,
        x.from..x.from + x.len
    ]));
    result
}

/// Where two lengths overlap when they are centred.
struct Overlap {
    from: usize,
    to: usize,
    len: usize,
}

impl Overlap {
    fn new(from: usize, to: usize) -> Self {
        Self { from: from.saturating_sub(to) / 2, to: to.saturating_sub(from) / 2, len: from.min(to) }
    }
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
