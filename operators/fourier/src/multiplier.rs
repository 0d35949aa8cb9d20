//! Matrices over the coefficients in every point of Fourier space.

use std::sync::{Arc, Mutex, PoisonError};

use multiversion::multiversion;
use multiversion::target::target_cfg_f;
use num_complex::Complex32;
use rayon::prelude::*;

use crate::padded_fft::{BLOCK, PaddedFft};
use crate::pool::Pool;

/// Points of Fourier space that are worked on at once.
const BINS: usize = 8;

/// Points of Fourier space whose systems are solved at once, real and imaginary parts apart: a register of AVX-512 each.
const SYSTEMS: usize = 16;

/// A linear map of K coefficient images that acts in every point of the Fourier space of a grid by a real symmetric K x K
/// matrix: a convolution with K x K kernels whose values at `-d` are the conjugates of those at `d`.
///
/// On a grid of at least twice the image (zero padding, cropping) it is a Toeplitz matrix; on the image's own grid it is
/// circulant, and [`solve`](Self::solve) inverts it point by point. On a grid between them `solve` pads, inverts and crops.
///
/// Only K (K + 1) / 2 kernels are stored, those of pairs k <= l, in the order (0,0), (0,1), .., (0,K-1), (1,1), ..
pub struct Multiplier {
    fft: PaddedFft,
    grid: [usize; 2],
    planes: usize,
    /// (grid x, pair, grid y).
    kernels: Vec<f32>,
    pool: Pool<Blocks>,
    /// Of the latest shift that was solved with.
    factors: Mutex<Option<Arc<Factors>>>,
}

/// Factorisations `L D L^T` of the matrices of a [`Multiplier`] plus a shift of their diagonals, in the order of its kernels:
/// L below the diagonal, 1 / D on it.
struct Factors {
    shift: f32,
    values: Vec<f32>,
}

#[derive(Default)]
struct Blocks {
    rows: Vec<Complex32>,
    columns: Vec<Complex32>,
}

impl Multiplier {
    /// A map of images (coefficient, y, x) of `image` = (height, width) pixels and `planes` coefficients.
    ///
    /// `kernels` has the order (grid x, pair, grid y), frequencies in the order of a discrete Fourier transform. Transforms
    /// are not normalised: a forward and an inverse one together multiply by the number of bins of the grid, which the
    /// kernels have to undo for [`apply`](Self::apply).
    pub fn new(image: [usize; 2], grid: [usize; 2], planes: usize, kernels: Vec<f32>) -> Self {
        debug_assert_eq!(kernels.len(), grid[0] * grid[1] * planes * (planes + 1) / 2);
        let fft = PaddedFft::new(image, grid, image.map(|n| vec![1.0; n]));
        Self { fft, grid, planes, kernels, pool: Pool::new(), factors: Mutex::new(None) }
    }

    /// Bins of the grid along y and x.
    pub fn grid(&self) -> [usize; 2] {
        self.grid
    }

    /// Number of coefficients, K.
    pub fn planes(&self) -> usize {
        self.planes
    }

    /// The matrices, (grid x, pair, grid y).
    pub fn kernels(&self) -> &[f32] {
        &self.kernels
    }

    /// Writes, or adds where `add` is set, `S^H M S x` into `out`, where M is this map and S the coil's sensitivity (y, x);
    /// without a coil S is the identity. Both images are (coefficient, y, x).
    pub fn apply(&self, images: &[Complex32], coil: Option<&[Complex32]>, add: bool, out: &mut [Complex32]) {
        self.filter(images, coil, add, out, |x, lines| mix(self.column(&self.kernels, x), lines, self.planes));
    }

    /// Solves `(M / n + shift I) out = images` in every point of Fourier space, where M is the map of
    /// [`apply`](Self::apply) and n the number of bins, so that the stored kernels are the eigenvalues of a circulant
    /// matrix themselves. The matrices must be positive definite with the shift.
    ///
    /// Pivots of the factorisation below `shift / 2` are taken for rounding and replaced by it. The factorisation is kept
    /// until another shift comes.
    pub fn solve(&self, shift: f32, images: &[Complex32], out: &mut [Complex32]) {
        let factor = 1.0 / (self.grid[0] * self.grid[1]) as f32;
        let factors = self.factors(shift);
        self.filter(images, None, false, out, |x, lines| {
            substitute(self.column(&factors.values, x), factor, lines, self.planes);
        });
    }

    fn factors(&self, shift: f32) -> Arc<Factors> {
        // Nobody panics while holding the lock.
        let mut latest = self.factors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(factors) = latest.as_ref().filter(|factors| factors.shift == shift) {
            return factors.clone();
        }
        let mut values = self.kernels.clone();
        let column = self.grid[0] * self.planes * (self.planes + 1) / 2;
        values.par_chunks_mut(column).for_each(|column| factorise(column, shift, self.planes));
        let factors = Arc::new(Factors { shift, values });
        *latest = Some(factors.clone());
        factors
    }

    /// What belongs to column `x` of an array in the order of the kernels.
    fn column<'a>(&self, values: &'a [f32], x: usize) -> &'a [f32] {
        let column = self.grid[0] * self.planes * (self.planes + 1) / 2;
        &values[x * column..][..column]
    }

    /// Transforms, does something to the lines (coefficient, grid y) of every column x, and transforms back.
    fn filter(
        &self,
        images: &[Complex32],
        coil: Option<&[Complex32]>,
        add: bool,
        out: &mut [Complex32],
        column: impl Fn(usize, &mut [Complex32]) + Sync,
    ) {
        let [ny, nx] = self.grid;
        self.pool.with(Blocks::default, |work| {
            work.rows.resize(self.fft.row_blocks_len(self.planes), Complex32::default());
            work.columns.resize(self.fft.column_blocks_len(self.planes), Complex32::default());
            self.fft.images_to_rows(images, coil, &mut work.rows);
            let rows = &work.rows;
            work.columns.par_chunks_mut(self.fft.column_block(self.planes)).enumerate().for_each(|(block, cells)| {
                let mut lines = vec![Complex32::default(); self.planes * ny];
                let mut scratch = self.fft.column_scratch();
                for x in block * BLOCK..nx.min((block + 1) * BLOCK) {
                    self.fft.forward_column(rows, x, &mut lines, &mut scratch);
                    column(x, &mut lines);
                    self.fft.inverse_column(&mut lines, x, cells, &mut scratch);
                }
            });
            self.fft.columns_to_images(&work.columns, coil, add, out);
        });
    }
}

/// Multiplies every bin of `lines` (coefficient, bin) by its symmetric matrix of `kernels` (pair, bin).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn mix(kernels: &[f32], lines: &mut [Complex32], planes: usize) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        mix_bins::<true>(kernels, lines, planes);
    } else {
        mix_bins::<false>(kernels, lines, planes);
    }
}

#[inline(always)]
fn mix_bins<const FMA: bool>(kernels: &[f32], lines: &mut [Complex32], planes: usize) {
    let ny = lines.len() / planes;
    let mut sums = vec![[Complex32::default(); BINS]; planes];
    for start in (0..ny).step_by(BINS) {
        let count = BINS.min(ny - start);
        sums.fill([Complex32::default(); BINS]);
        let mut kernels = kernels.chunks_exact(ny);
        for k in 0..planes {
            let left = load(&lines[k * ny + start..][..count]);
            for l in k..planes {
                // One kernel per pair: the iterator cannot end before the loops.
                let Some(kernel) = kernels.next() else { return };
                let kernel = load(&kernel[start..start + count]);
                let right = load(&lines[l * ny + start..][..count]);
                add_product::<FMA>(&mut sums[k], &kernel, &right);
                if l > k {
                    add_product::<FMA>(&mut sums[l], &kernel, &left);
                }
            }
        }
        for (line, sum) in lines.chunks_exact_mut(ny).zip(&sums) {
            line[start..start + count].copy_from_slice(&sum[..count]);
        }
    }
}

#[inline(always)]
fn add_product<const FMA: bool>(sum: &mut [Complex32; BINS], kernel: &[f32; BINS], values: &[Complex32; BINS]) {
    for ((sum, factor), value) in sum.iter_mut().zip(kernel).zip(values) {
        if FMA {
            *sum = Complex32::new(value.re.mul_add(*factor, sum.re), value.im.mul_add(*factor, sum.im));
        } else {
            *sum += value * factor;
        }
    }
}

/// Place of the entry (i, j), i >= j, in the order of the kernels' pairs (j, i).
#[inline(always)]
fn pair(planes: usize, i: usize, j: usize) -> usize {
    j * planes - j * (j + 1) / 2 + i
}

/// Replaces the matrices of one column (pair, bin) by their [`Factors`], several bins side by side.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn factorise(column: &mut [f32], shift: f32, planes: usize) {
    let ny = column.len() / (planes * (planes + 1) / 2);
    let least = 0.5 * shift;
    let mut lower = vec![[0.0f32; SYSTEMS]; planes * (planes + 1) / 2];
    let mut pivots = vec![[0.0f32; SYSTEMS]; planes];
    for start in (0..ny).step_by(SYSTEMS) {
        let count = SYSTEMS.min(ny - start);
        for (entry, kernel) in lower.iter_mut().zip(column.chunks_exact(ny)) {
            *entry = load(&kernel[start..start + count]);
        }
        for j in 0..planes {
            for i in j..planes {
                let mut entry = lower[pair(planes, i, j)];
                for p in 0..j {
                    let (a, b, pivot) = (lower[pair(planes, i, p)], lower[pair(planes, j, p)], pivots[p]);
                    for bin in 0..SYSTEMS {
                        entry[bin] -= a[bin] * b[bin] * pivot[bin];
                    }
                }
                if i == j {
                    for bin in 0..SYSTEMS {
                        pivots[j][bin] = (entry[bin] + shift).max(least);
                        entry[bin] = 1.0 / pivots[j][bin];
                    }
                } else {
                    for bin in 0..SYSTEMS {
                        entry[bin] /= pivots[j][bin];
                    }
                }
                lower[pair(planes, i, j)] = entry;
            }
        }
        for (entry, kernel) in lower.iter().zip(column.chunks_exact_mut(ny)) {
            kernel[start..start + count].copy_from_slice(&entry[..count]);
        }
    }
}

/// Solves the systems of every bin of `lines` (coefficient, bin) with the [`Factors`] (pair, bin) of their matrices, and
/// multiplies by `factor`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn substitute(factors: &[f32], factor: f32, lines: &mut [Complex32], planes: usize) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        substitute_bins::<true>(factors, factor, lines, planes);
    } else {
        substitute_bins::<false>(factors, factor, lines, planes);
    }
}

#[inline(always)]
fn substitute_bins<const FMA: bool>(factors: &[f32], factor: f32, lines: &mut [Complex32], planes: usize) {
    let ny = lines.len() / planes;
    // Real and imaginary parts apart.
    let mut values = vec![[[0.0f32; SYSTEMS]; 2]; planes];
    for start in (0..ny).step_by(SYSTEMS) {
        let count = SYSTEMS.min(ny - start);
        let weights = |i: usize, j: usize| load(&factors[pair(planes, i, j) * ny + start..][..count]);
        for ([re, im], line) in values.iter_mut().zip(lines.chunks_exact(ny)) {
            let bins: [Complex32; SYSTEMS] = load(&line[start..start + count]);
            *re = bins.map(|value| value.re);
            *im = bins.map(|value| value.im);
        }
        for j in 0..planes {
            for i in j + 1..planes {
                subtract::<FMA>(&mut values, i, j, &weights(i, j));
            }
        }
        for (j, value) in values.iter_mut().enumerate() {
            let reciprocals = weights(j, j);
            for part in value {
                for bin in 0..SYSTEMS {
                    part[bin] *= factor * reciprocals[bin];
                }
            }
        }
        for i in (0..planes).rev() {
            for j in 0..i {
                subtract::<FMA>(&mut values, j, i, &weights(i, j));
            }
        }
        for ([re, im], line) in values.iter().zip(lines.chunks_exact_mut(ny)) {
            for (bin, value) in line[start..start + count].iter_mut().enumerate() {
                *value = Complex32::new(re[bin], im[bin]);
            }
        }
    }
}

/// `values[i] -= weights * values[p]` in every bin.
#[inline(always)]
fn subtract<const FMA: bool>(values: &mut [[[f32; SYSTEMS]; 2]], i: usize, p: usize, weights: &[f32; SYSTEMS]) {
    let other = values[p];
    for (part, other) in values[i].iter_mut().zip(&other) {
        for bin in 0..SYSTEMS {
            part[bin] = match FMA {
                true => (-other[bin]).mul_add(weights[bin], part[bin]),
                false => part[bin] - other[bin] * weights[bin],
            };
        }
    }
}

/// A fixed number of values, the rest zero.
#[inline(always)]
fn load<T: Copy + Default, const N: usize>(values: &[T]) -> [T; N] {
    match values.first_chunk() {
        Some(chunk) => *chunk,
        None => std::array::from_fn(|i| values.get(i).copied().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Positive definite kernels on the image's own grid, and images.
    fn random(seed: u64, size: [usize; 2], planes: usize) -> (Multiplier, Vec<Complex32>) {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let pairs: Vec<(usize, usize)> = (0..planes).flat_map(|k| (k..planes).map(move |l| (k, l))).collect();
        let mut kernels = vec![0.0; size[0] * size[1] * pairs.len()];
        for x in 0..size[1] {
            for y in 0..size[0] {
                let root: Vec<f32> = (0..planes * planes).map(|_| rng.random_range(-1.0..1.0)).collect();
                for (index, (k, l)) in pairs.iter().enumerate() {
                    let product: f32 = (0..planes).map(|p| root[k * planes + p] * root[l * planes + p]).sum();
                    kernels[(x * pairs.len() + index) * size[0] + y] = product + if k == l { 0.5 } else { 0.0 };
                }
            }
        }
        let mut number = || rng.random_range(-1.0f32..1.0);
        let images = (0..planes * size[0] * size[1]).map(|_| Complex32::new(number(), number())).collect();
        (Multiplier::new(size, size, planes, kernels), images)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// (M / n + shift) applied to its solution gives the right-hand side, whatever size and number of coefficients.
        #[test]
        fn solving_undoes_applying(seed: u64, height in 1usize..20, width in 1usize..20, planes in 1usize..7, shift in 0.0f32..2.0) {
            let (multiplier, images) = random(seed, [height, width], planes);
            let mut solution = vec![Complex32::default(); images.len()];
            // The second shift must not be solved with the factors of the first.
            multiplier.solve(shift + 1.0, &images, &mut solution);
            multiplier.solve(shift, &images, &mut solution);
            let mut back = vec![Complex32::default(); images.len()];
            multiplier.apply(&solution, None, false, &mut back);
            let n = (height * width) as f32;
            let error = images.iter().zip(&back).zip(&solution).map(|((b, m), x)| (m / n + x * shift - b).norm_sqr()).sum::<f32>();
            let norm = images.iter().map(|value| value.norm_sqr()).sum::<f32>();
            prop_assert!(error <= 1e-8 * norm, "{error} {norm}");
        }
    }

    #[test]
    fn a_pivot_that_is_rounding_is_replaced() {
        // The matrix [[1, 1], [1, 1]] is singular: with a shift of 1e-7 the second pivot is lost in rounding.
        let multiplier = Multiplier::new([1, 1], [1, 1], 2, vec![1.0, 1.0, 1.0]);
        let mut out = [Complex32::default(); 2];
        multiplier.solve(1e-7, &[Complex32::from(1.0), Complex32::from(1.0)], &mut out);
        assert!(out.iter().all(|value| value.norm().is_finite() && value.norm() < 10.0), "{out:?}");
    }
}
