//! Systems with one dense Hermitian matrix and any damping.

use nalgebra::DMatrix;
use num_complex::{Complex32, Complex64};

/// Least damping as a share of the matrix's norm: eigenvalues below it are rounding of the kernels that the matrix is made of.
const LEAST_DAMPING: f64 = 1e-6;

/// `(N + rho I)^-1` of a Hermitian positive semi-definite matrix N for any rho, from `N = Q T Q^H` with a unitary Q and a real
/// tridiagonal T: a rho costs one factorisation `T + rho I = L D L^T` of two diagonals.
pub(crate) struct SmoothSystem {
    /// Q row by row, and column by column: real and imaginary parts of each line one after the other.
    lines: [Vec<f32>; 2],
    diagonal: Vec<f64>,
    beside: Vec<f64>,
    least: f64,
}

impl SmoothSystem {
    /// Of a matrix (row, column) of `size` rows, whose lower half is read.
    pub fn new(matrix: &[Complex32], size: usize) -> Self {
        let wide = |value: &Complex32| Complex64::new(value.re.into(), value.im.into());
        let matrix = DMatrix::from_row_iterator(size, size, matrix.iter().map(wide));
        let (q, diagonal, beside) = matrix.symmetric_tridiagonalize().unpack();
        let line = |values: Vec<Complex64>| {
            let (re, im): (Vec<f32>, Vec<f32>) = values.iter().map(|value| (value.re as f32, value.im as f32)).unzip();
            re.into_iter().chain(im)
        };
        let rows = q.row_iter().flat_map(|row| line(row.iter().copied().collect())).collect();
        let columns = q.column_iter().flat_map(|column| line(column.iter().copied().collect()));
        let columns = columns.collect();
        let reach = |i: usize| {
            let before = i.checked_sub(1).and_then(|i| beside.get(i));
            before.into_iter().chain(beside.get(i)).map(|value| value.abs()).sum::<f64>()
        };
        let norm = diagonal.iter().enumerate().fold(0.0f64, |norm, (i, value)| norm.max(value.abs() + reach(i)));
        let least = (LEAST_DAMPING * norm).max(f32::MIN_POSITIVE.into());
        Self {
            lines: [rows, columns],
            diagonal: diagonal.iter().copied().collect(),
            beside: beside.iter().copied().collect(),
            least,
        }
    }

    /// Solves the system with this damping and right-hand side, in its place.
    pub fn solve(&self, rho: f32, values: &mut [Complex32]) {
        let [rows, columns] = &self.lines;
        // Q^H v is the sum over rows of their conjugates: the conjugate of the sum over rows with conjugated weights.
        let conjugates: Vec<Complex32> = values.iter().map(|value| value.conj()).collect();
        let mut inner: Vec<Complex64> = combination(rows, &conjugates).map(|value| value.conj()).collect();
        self.solve_tridiagonal(f64::from(rho), &mut inner);
        let weights: Vec<Complex32> =
            inner.iter().map(|value| Complex32::new(value.re as f32, value.im as f32)).collect();
        for (value, sum) in values.iter_mut().zip(combination(columns, &weights)) {
            *value = Complex32::new(sum.re as f32, sum.im as f32);
        }
    }

    fn solve_tridiagonal(&self, rho: f64, values: &mut [Complex64]) {
        let pivots = self.pivots(rho);
        for i in 1..values.len() {
            let known = values[i - 1] * (self.beside[i - 1] / pivots[i - 1]);
            values[i] -= known;
        }
        for i in (0..values.len()).rev() {
            values[i] /= pivots[i];
            if i + 1 < values.len() {
                let known = values[i + 1] * (self.beside[i] / pivots[i]);
                values[i] -= known;
            }
        }
    }

    /// D of the damped matrix. The damping is doubled until rounding leaves it positive definite.
    fn pivots(&self, rho: f64) -> Vec<f64> {
        let mut damping = rho.max(self.least);
        loop {
            let mut pivots: Vec<f64> = Vec::with_capacity(self.diagonal.len());
            for (i, value) in self.diagonal.iter().enumerate() {
                let taken = pivots.last().map_or(0.0, |last| self.beside[i - 1] * self.beside[i - 1] / last);
                pivots.push(value + damping - taken);
            }
            if !pivots.iter().any(|pivot| *pivot < 0.5 * damping) {
                return pivots;
            }
            damping *= 2.0;
        }
    }
}

/// The sum of all lines, each times its weight.
fn combination(lines: &[f32], weights: &[Complex32]) -> impl Iterator<Item = Complex64> {
    let size = weights.len();
    let (mut re, mut im) = (vec![0.0f32; size], vec![0.0f32; size]);
    for (line, weight) in lines.chunks_exact(2 * size).zip(weights) {
        let (line_re, line_im) = line.split_at(size);
        for ((re, im), (a, b)) in re.iter_mut().zip(&mut im).zip(line_re.iter().zip(line_im)) {
            *re += a * weight.re - b * weight.im;
            *im += a * weight.im + b * weight.re;
        }
    }
    re.into_iter().zip(im).map(|(re, im)| Complex64::new(re.into(), im.into()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// The matrix times the solution is the right-hand side, whatever the damping.
        #[test]
        fn solutions_solve(seed: u64, size in 1usize..70, damping in 0.5f32..2.0) {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let mut number = || Complex32::new(rng.random_range(-1.0f32..1.0), rng.random_range(-1.0f32..1.0));
            let root: Vec<Complex32> = (0..size * size).map(|_| number()).collect();
            let right: Vec<Complex32> = (0..size).map(|_| number()).collect();
            let entry = |i: usize, j: usize| -> Complex32 {
                (0..size).map(|p| root[i * size + p] * root[j * size + p].conj()).sum::<Complex32>() / size as f32
            };
            let matrix: Vec<Complex32> = (0..size * size).map(|index| entry(index / size, index % size)).collect();
            let system = SmoothSystem::new(&matrix, size);
            for damping in [damping, 3.0 * damping] {
                let mut solution = right.clone();
                system.solve(damping, &mut solution);
                for i in 0..size {
                    let sum: Complex32 = (0..size).map(|j| matrix[i * size + j] * solution[j]).sum();
                    let error = (sum + solution[i] * damping - right[i]).norm();
                    prop_assert!(error < 1e-4, "row {i}: {error}");
                }
            }
        }
    }

    /// What rounding leaves below zero must not make the solution negative, nor infinite.
    #[test]
    fn a_matrix_that_is_not_quite_positive_has_positive_solutions() {
        let matrix = [1.0, 1.0, 1.0, 0.999].map(Complex32::from);
        let right = [Complex32::from(1.0), Complex32::from(-1.0)];
        let mut values = right;
        SmoothSystem::new(&matrix, 2).solve(0.0, &mut values);
        let product: f32 = right.iter().zip(&values).map(|(a, b)| (a.conj() * b).re).sum();
        assert!(product.is_finite() && product > 0.0, "{values:?}");
        let mut values = [Complex32::from(1e-30)];
        SmoothSystem::new(&[Complex32::default()], 1).solve(0.0, &mut values);
        assert!(values[0].norm().is_finite(), "{}", values[0]);
    }
}
