//! The two-dimensional orthogonal wavelet transform of a real plane.

use multiversion::multiversion;

use super::WaveletFamily;

/// Orthogonal wavelet transform (pyramid of Mallat 1989) of planes (y, x) of one size.
///
/// A level of length n has ceil(n/2) approximations followed by floor(n/2) details. The even part of the line is
/// transformed with periodic borders; the last sample of an odd line is an approximation as it is.
pub(super) struct Transform {
    /// Low-pass taps by pairs (of an even and the following odd sample).
    low: Vec<f32>,
    /// High-pass taps.
    high: Vec<f32>,
    width: usize,
    /// Size (y, x) of what each level takes, and last, of the approximation that is left.
    sizes: Vec<[usize; 2]>,
}

impl Transform {
    /// The transform for planes of this size; levels beyond an approximation of one pixel are left out.
    pub fn new(family: WaveletFamily, levels: u32, height: usize, width: usize) -> Self {
        let taps = family.taps();
        let low: Vec<f32> = taps.iter().map(|tap| *tap as f32).collect();
        let high = low.iter().rev().enumerate().map(|(m, tap)| if m % 2 == 0 { *tap } else { -tap }).collect();
        let mut sizes = vec![[height, width]];
        for _ in 0..levels {
            let [height, width] = sizes[sizes.len() - 1];
            if height <= 1 && width <= 1 {
                break;
            }
            sizes.push([height.div_ceil(2), width.div_ceil(2)]);
        }
        Self { low, high, width, sizes }
    }

    /// First column of row `y` that is a detail coefficient; those before are approximations.
    pub fn first_detail(&self, y: usize) -> usize {
        let [height, width] = self.sizes[self.sizes.len() - 1];
        if y < height { width } else { 0 }
    }

    /// Transforms a plane in place. `scratch` has the plane's size.
    pub fn forward(&self, plane: &mut [f32], scratch: &mut [f32]) {
        let mut line = Line::default();
        for [height, width] in &self.sizes[..self.sizes.len() - 1] {
            for y in 0..*height {
                let row = y * self.width..y * self.width + width;
                self.analyse_row(&plane[row.clone()], &mut scratch[row], &mut line);
            }
            self.analyse_columns(*height, *width, scratch, plane);
        }
    }

    /// Inverse, which is the transpose, of [`forward`](Self::forward).
    pub fn inverse(&self, plane: &mut [f32], scratch: &mut [f32]) {
        let mut line = Line::default();
        for [height, width] in self.sizes[..self.sizes.len() - 1].iter().rev() {
            self.synthesise_columns(*height, *width, plane, scratch);
            for y in 0..*height {
                let row = y * self.width..y * self.width + width;
                self.synthesise_row(&scratch[row.clone()], &mut plane[row], &mut line);
            }
        }
    }

    /// Pairs of taps.
    fn pairs(&self) -> usize {
        self.low.len() / 2
    }

    fn analyse_row(&self, row: &[f32], out: &mut [f32], line: &mut Line) {
        let half = row.len() / 2;
        let (approximation, detail) = out.split_at_mut(row.len() - half);
        carry_last(row, approximation, half);
        if half == 0 {
            return;
        }
        let extended = half + self.pairs() - 1;
        line.first.clear();
        line.second.clear();
        line.first.extend(row.chunks_exact(2).map(|pair| pair[0]).cycle().take(extended));
        line.second.extend(row.chunks_exact(2).map(|pair| pair[1]).cycle().take(extended));
        let sources = |tap: usize| &(if tap.is_multiple_of(2) { &line.first } else { &line.second })[tap / 2..][..half];
        combine_taps(sources, &self.low, &mut approximation[..half]);
        combine_taps(sources, &self.high, detail);
    }

    fn synthesise_row(&self, row: &[f32], out: &mut [f32], line: &mut Line) {
        let half = row.len() / 2;
        let (approximation, detail) = row.split_at(row.len() - half);
        carry_last_back(approximation, out, half);
        if half == 0 {
            return;
        }
        let overlap = self.pairs() - 1;
        // Sample j of the extended lines is sample j - overlap of the periodic ones.
        let start = (half - overlap % half) % half;
        line.first.clear();
        line.second.clear();
        line.first.extend(approximation[..half].iter().cycle().skip(start).take(half + overlap));
        line.second.extend(detail.iter().cycle().skip(start).take(half + overlap));
        line.out.resize(2 * half, 0.0);
        let (even, odd) = line.out.split_at_mut(half);
        for (parity, target) in [even, odd].into_iter().enumerate() {
            let (taps, len) = self.synthesis_taps(parity);
            let sources = |m: usize| {
                let lines = if m.is_multiple_of(2) { &line.first } else { &line.second };
                &lines[overlap - m / 2..][..half]
            };
            combine_taps(sources, &taps[..len], target);
        }
        let (even, odd) = line.out.split_at(half);
        for ((pair, even), odd) in out.chunks_exact_mut(2).zip(even).zip(odd) {
            pair[0] = *even;
            pair[1] = *odd;
        }
    }

    fn analyse_columns(&self, height: usize, width: usize, source: &[f32], out: &mut [f32]) {
        let half = height / 2;
        let approximations = height - half;
        let row = |y: usize| &source[y * self.width..][..width];
        for n in 0..half {
            let sources = |tap: usize| row((2 * n + tap) % (2 * half));
            combine_taps(sources, &self.low, &mut out[n * self.width..][..width]);
            combine_taps(sources, &self.high, &mut out[(approximations + n) * self.width..][..width]);
        }
        if approximations > half {
            out[half * self.width..][..width].copy_from_slice(row(height - 1));
        }
    }

    fn synthesise_columns(&self, height: usize, width: usize, source: &[f32], out: &mut [f32]) {
        let half = height / 2;
        let approximations = height - half;
        let row = |y: usize| &source[y * self.width..][..width];
        for n in 0..half {
            // Sample n - t of a periodic line, where the filter may be longer than the line.
            let sources = |m: usize| {
                let sample = (n + half - (m / 2) % half) % half;
                row(if m.is_multiple_of(2) { sample } else { approximations + sample })
            };
            for parity in 0..2 {
                let (taps, len) = self.synthesis_taps(parity);
                combine_taps(sources, &taps[..len], &mut out[(2 * n + parity) * self.width..][..width]);
            }
        }
        if approximations > half {
            out[(height - 1) * self.width..][..width].copy_from_slice(row(half));
        }
    }

    /// Taps that give the even (parity 0) or odd samples: approximation and detail in turn, from the sample's own pair
    /// backwards.
    fn synthesis_taps(&self, parity: usize) -> ([f32; MOST_TAPS], usize) {
        let mut taps = [0.0; MOST_TAPS];
        for pair in 0..self.pairs() {
            taps[2 * pair] = self.low[2 * pair + parity];
            taps[2 * pair + 1] = self.high[2 * pair + parity];
        }
        (taps, self.low.len())
    }
}

/// Taps of the longest filter.
const MOST_TAPS: usize = 8;

/// Buffers for one row.
#[derive(Default)]
struct Line {
    first: Vec<f32>,
    second: Vec<f32>,
    out: Vec<f32>,
}

fn carry_last(row: &[f32], approximation: &mut [f32], half: usize) {
    if let (Some(last), Some(target)) = (row.last(), approximation.get_mut(half)) {
        *target = *last;
    }
}

fn carry_last_back(approximation: &[f32], out: &mut [f32], half: usize) {
    if let (Some(carried), Some(last)) = (approximation.get(half), out.last_mut()) {
        *last = *carried;
    }
}

/// `out = sum over taps of taps[m] * sources(m)`.
fn combine_taps<'a>(sources: impl Fn(usize) -> &'a [f32], taps: &[f32], out: &mut [f32]) {
    match taps {
        [a, b] => combine(&[sources(0), sources(1)], &[*a, *b], out),
        [a, b, c, d] => combine(&std::array::from_fn::<_, 4, _>(sources), &[*a, *b, *c, *d], out),
        _ => {
            let mut all = [0.0; MOST_TAPS];
            all.copy_from_slice(taps);
            combine(&std::array::from_fn::<_, MOST_TAPS, _>(sources), &all, out);
        }
    }
}

#[multiversion(targets = "simd")]
fn combine<const TAPS: usize>(sources: &[&[f32]; TAPS], taps: &[f32; TAPS], out: &mut [f32]) {
    let len = out.len();
    let sources = sources.map(|source| &source[..len]);
    for i in 0..len {
        let mut sum = 0.0;
        for (source, tap) in sources.iter().zip(taps) {
            sum += tap * source[i];
        }
        out[i] = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(height: usize, width: usize) -> Vec<f32> {
        (0..height * width).map(|i| ((i * 2_654_435_761_usize) % 1009) as f32 / 500.0 - 1.0).collect()
    }

    fn norm(values: &[f32]) -> f64 {
        values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn transform_of_any_size_keeps_the_norm_and_is_inverted() {
        for family in [WaveletFamily::Haar, WaveletFamily::Db2, WaveletFamily::Db4] {
            for [height, width] in [[1, 1], [1, 7], [2, 2], [3, 5], [6, 4], [16, 16], [23, 37], [46, 30]] {
                let transform = Transform::new(family, 4, height, width);
                let original = plane(height, width);
                let (mut values, mut scratch) = (original.clone(), vec![0.0; original.len()]);
                transform.forward(&mut values, &mut scratch);
                let relative = (norm(&values) - norm(&original)).abs() / norm(&original);
                assert!(relative < 1e-6, "{family:?} {height} x {width}: norm changes by {relative}");
                transform.inverse(&mut values, &mut scratch);
                let error: Vec<f32> = values.iter().zip(&original).map(|(a, b)| a - b).collect();
                assert!(norm(&error) < 2e-6 * norm(&original), "{family:?} {height} x {width}: {}", norm(&error));
            }
        }
    }

    #[test]
    fn polynomials_below_the_vanishing_moments_leave_no_inner_details() {
        let (height, width) = (32, 32);
        let mut values: Vec<f32> = (0..height * width).map(|i| (i / width) as f32 * 0.1 + (i % width) as f32).collect();
        let mut scratch = vec![0.0; values.len()];
        Transform::new(WaveletFamily::Db2, 1, height, width).forward(&mut values, &mut scratch);
        for y in 0..14 {
            for x in 16..30 {
                assert!(values[y * width + x].abs() < 1e-4, "detail at {y}, {x}: {}", values[y * width + x]);
            }
        }
    }

    #[test]
    fn haar_pair_is_sum_and_difference() {
        let mut values = vec![3.0, 1.0];
        Transform::new(WaveletFamily::Haar, 1, 1, 2).forward(&mut values, &mut [0.0; 2]);
        let expected = [4.0, 2.0].map(|v: f32| v * std::f32::consts::FRAC_1_SQRT_2);
        assert!((values[0] - expected[0]).abs() < 1e-6 && (values[1] - expected[1]).abs() < 1e-6, "{values:?}");
    }
}
