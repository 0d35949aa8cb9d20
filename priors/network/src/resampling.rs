//! Resampling by two: nearest neighbour up, average down.

use rayon::prelude::*;

/// Direction of a change of resolution by two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Mean of every 2 x 2 pixels.
    Down,
    /// Every pixel four times.
    Up,
}

/// Every pixel of rows of `width` four times, times a factor.
pub fn upsample(y: &mut [f32], x: &[f32], width: usize, factor: f32) {
    if x.is_empty() {
        return;
    }
    y.par_chunks_mut(4 * width).zip(x.par_chunks(width)).for_each(|(rows, x)| {
        let (first, second) = rows.split_at_mut(2 * width);
        for (pair, x) in first.as_chunks_mut::<2>().0.iter_mut().zip(x) {
            *pair = [factor * x; 2];
        }
        second.copy_from_slice(first);
    });
}

/// The sum of every 2 x 2 pixels of rows of `width`, times a factor.
pub fn sum_pool(y: &mut [f32], x: &[f32], width: usize, factor: f32) {
    if x.is_empty() {
        return;
    }
    y.par_chunks_mut(width / 2).zip(x.par_chunks(2 * width)).for_each(|(y, rows)| {
        let (first, second) = rows.split_at(width);
        let pairs = first.as_chunks::<2>().0.iter().zip(second.as_chunks::<2>().0);
        y.iter_mut().zip(pairs).for_each(|(y, (a, b))| *y = factor * ((a[0] + a[1]) + (b[0] + b[1])));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upsampling_repeats_and_pooling_averages() {
        let x = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut up = [0.0; 24];
        upsample(&mut up, &x, 3, 1.0);
        let expected: [f32; 24] =
            [1., 1., 2., 2., 3., 3., 1., 1., 2., 2., 3., 3., 4., 4., 5., 5., 6., 6., 4., 4., 5., 5., 6., 6.];
        assert_eq!(up, expected);
        let mut down = [0.0; 6];
        sum_pool(&mut down, &up, 6, 0.25);
        assert_eq!(down, x);
    }
}
