//! The voxels of an image, brought to a common size.

use num_complex::Complex32;

/// The voxels of an image (coefficient, y, x).
pub(super) struct Voxels<'a> {
    values: &'a [Complex32],
    coefficients: usize,
    len: usize,
}

/// Voxels with real and imaginary parts apart, (voxel, coefficient).
pub(super) struct Prepared {
    pub(super) re: Vec<f32>,
    pub(super) im: Vec<f32>,
    pub(super) coefficients: usize,
}

impl<'a> Voxels<'a> {
    pub(super) fn new(values: &'a [Complex32], coefficients: usize) -> Self {
        Self { values, coefficients, len: values.len() / coefficients }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn coefficients_of(&self, voxel: usize) -> impl Iterator<Item = Complex32> {
        (0..self.coefficients).map(move |k| self.values[k * self.len + voxel])
    }

    /// `count` voxels from `first` on, each divided by the power of two that brings its largest part into [1, 2). That
    /// changes no mantissa, and keeps squares of very small and very large voxels away from the ends of f32.
    pub(super) fn prepare(&self, first: usize, count: usize) -> Prepared {
        let size = count * self.coefficients;
        let (mut re, mut im) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for voxel in first..first + count {
            let largest = self.coefficients_of(voxel).fold(0f32, |m, x| m.max(x.re.abs()).max(x.im.abs()));
            let factor = inverse_power_of_two(largest);
            for x in self.coefficients_of(voxel) {
                re.push((f64::from(x.re) * factor) as f32);
                im.push((f64::from(x.im) * factor) as f32);
            }
        }
        Prepared { re, im, coefficients: self.coefficients }
    }
}

impl Prepared {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        self.re.chunks_exact(self.coefficients).zip(self.im.chunks_exact(self.coefficients))
    }
}

/// `2^-e` with `2^e <= value < 2^(e+1)`; 1 for 0. Every positive f32 is a normal f64, so the exponent bits say it all.
fn inverse_power_of_two(value: f32) -> f64 {
    if value == 0.0 {
        return 1.0;
    }
    let biased = f64::from(value).to_bits() >> 52;
    f64::from_bits((2 * 1023 - biased) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_part_lies_between_one_and_two() {
        for value in [1.0, 1.999_999_9, 2.0, 3.0e38, 1.0e-45, 0.3, f32::MIN_POSITIVE] {
            let scaled = f64::from(value) * inverse_power_of_two(value);
            assert!((1.0..2.0).contains(&scaled), "{value} -> {scaled}");
        }
        assert_eq!(inverse_power_of_two(0.0), 1.0);
    }
}
