//! Systems with one dense Hermitian matrix.

use multiversion::multiversion;
use multiversion::target::target_cfg_f;
use num_complex::Complex32;

use crate::lanes::LANES;

/// Pivots below this share of the largest diagonal entry are rounding and are replaced by it.
const LEAST_PIVOT: f32 = 1e-6;

/// The factorisation `L L^H` (Cholesky) of a positive definite Hermitian matrix.
pub(crate) struct HermitianFactor {
    size: usize,
    /// L row by row, real and imaginary parts apart; above the diagonal nothing is read.
    re: Vec<f32>,
    im: Vec<f32>,
    /// Reciprocals of the diagonal of L, which is real.
    reciprocals: Vec<f32>,
}

impl HermitianFactor {
    /// Of `matrix + shift I`, whose lower half is read from `matrix` (row, column) of `size` rows.
    pub fn new(matrix: &[Complex32], size: usize, shift: f32) -> Self {
        let mut re: Vec<f32> = matrix.iter().map(|value| value.re).collect();
        let mut im: Vec<f32> = matrix.iter().map(|value| value.im).collect();
        let largest = re.iter().step_by(size + 1).fold(0.0f32, |largest, value| largest.max(*value));
        let least = (LEAST_PIVOT * (largest + shift)).max(f32::MIN_POSITIVE);
        let mut reciprocals = vec![0.0; size];
        for i in 0..size {
            let ((above_re, row_re), (above_im, row_im)) = (re.split_at_mut(i * size), im.split_at_mut(i * size));
            for j in 0..i {
                let (left, right) =
                    ([&row_re[..j], &row_im[..j]], [&above_re[j * size..][..j], &above_im[j * size..][..j]]);
                let known = product(left, right);
                row_re[j] = (row_re[j] - known[0]) * reciprocals[j];
                row_im[j] = (row_im[j] - known[1]) * reciprocals[j];
            }
            let row = [&row_re[..i], &row_im[..i]];
            let pivot = (row_re[i] + shift - product(row, row)[0]).max(least);
            reciprocals[i] = 1.0 / pivot.sqrt();
        }
        Self { size, re, im, reciprocals }
    }

    /// Solves the system with this right-hand side, in its place.
    pub fn solve(&self, values: &mut [Complex32]) {
        // Conjugates, so that both substitutions read rows of L.
        let mut re: Vec<f32> = values.iter().map(|value| value.re).collect();
        let mut im: Vec<f32> = values.iter().map(|value| -value.im).collect();
        for i in 0..self.size {
            let known = product(self.row(i), [&re[..i], &im[..i]]);
            re[i] = (re[i] - known[0]) * self.reciprocals[i];
            // The product is that of the values themselves.
            im[i] = (im[i] + known[1]) * self.reciprocals[i];
        }
        for i in (0..self.size).rev() {
            re[i] *= self.reciprocals[i];
            im[i] *= self.reciprocals[i];
            let value = [re[i], im[i]];
            subtract([&mut re[..i], &mut im[..i]], self.row(i), value);
        }
        for (value, (re, im)) in values.iter_mut().zip(re.iter().zip(&im)) {
            *value = Complex32::new(*re, -im);
        }
    }

    /// Row i of L before the diagonal.
    fn row(&self, i: usize) -> [&[f32]; 2] {
        [&self.re[i * self.size..][..i], &self.im[i * self.size..][..i]]
    }
}

/// Real and imaginary part of `sum over p of a_p conj(b_p)`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn product(a: [&[f32]; 2], b: [&[f32]; 2]) -> [f32; 2] {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        product_of::<true>(a, b)
    } else {
        product_of::<false>(a, b)
    }
}

#[inline(always)]
fn product_of<const FMA: bool>([a_re, a_im]: [&[f32]; 2], [b_re, b_im]: [&[f32]; 2]) -> [f32; 2] {
    let (mut re, mut im) = ([0.0f32; LANES], [0.0f32; LANES]);
    let chunks = a_re.chunks(LANES).zip(a_im.chunks(LANES)).zip(b_re.chunks(LANES).zip(b_im.chunks(LANES)));
    for ((a_re, a_im), (b_re, b_im)) in chunks {
        let [a_re, a_im, b_re, b_im] = [a_re, a_im, b_re, b_im].map(load);
        for lane in 0..LANES {
            re[lane] = add_product::<FMA>(a_re[lane], b_re[lane], add_product::<FMA>(a_im[lane], b_im[lane], re[lane]));
            im[lane] =
                add_product::<FMA>(a_im[lane], b_re[lane], add_product::<FMA>(-a_re[lane], b_im[lane], im[lane]));
        }
    }
    [re.iter().sum(), im.iter().sum()]
}

/// `sums_p -= value row_p`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn subtract([re, im]: [&mut [f32]; 2], [row_re, row_im]: [&[f32]; 2], [value_re, value_im]: [f32; 2]) {
    for ((re, im), (row_re, row_im)) in re.iter_mut().zip(im).zip(row_re.iter().zip(row_im)) {
        *re -= row_re * value_re - row_im * value_im;
        *im -= row_re * value_im + row_im * value_re;
    }
}

#[inline(always)]
fn add_product<const FMA: bool>(a: f32, b: f32, sum: f32) -> f32 {
    if FMA { a.mul_add(b, sum) } else { a * b + sum }
}

/// A register's length of values, the rest zero.
#[inline(always)]
fn load(values: &[f32]) -> [f32; LANES] {
    match values.first_chunk() {
        Some(chunk) => *chunk,
        None => std::array::from_fn(|lane| values.get(lane).copied().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The matrix times the solution is the right-hand side.
        #[test]
        fn solutions_solve(seed: u64, size in 1usize..70, shift in 0.5f32..2.0) {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let mut number = || Complex32::new(rng.random_range(-1.0f32..1.0), rng.random_range(-1.0f32..1.0));
            let root: Vec<Complex32> = (0..size * size).map(|_| number()).collect();
            let right: Vec<Complex32> = (0..size).map(|_| number()).collect();
            let entry = |i: usize, j: usize| -> Complex32 {
                (0..size).map(|p| root[i * size + p] * root[j * size + p].conj()).sum::<Complex32>() / size as f32
            };
            let matrix: Vec<Complex32> = (0..size * size).map(|index| entry(index / size, index % size)).collect();
            let mut solution = right.clone();
            HermitianFactor::new(&matrix, size, shift).solve(&mut solution);
            for i in 0..size {
                let sum: Complex32 = (0..size).map(|j| matrix[i * size + j] * solution[j]).sum();
                let error = (sum + solution[i] * shift - right[i]).norm();
                prop_assert!(error < 1e-4, "row {i}: {error}");
            }
        }
    }

    #[test]
    fn a_matrix_of_zeros_has_finite_solutions() {
        let mut values = [Complex32::from(1e-30)];
        HermitianFactor::new(&[Complex32::default()], 1, 0.0).solve(&mut values);
        assert!(values[0].norm().is_finite(), "{}", values[0]);
    }
}
