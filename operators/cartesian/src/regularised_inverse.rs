//! The closed form of `(A^H A + rho I)^-1`.

use diph_core::{Error, ForwardOperator, RegularisedInverse, Result, View, ViewMut};
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;

use crate::CartesianOperator;

const OPERATION: &str = "cartesian: regularised inverse";

/// Without coil maps, or with a single coil of modulus 1, the normal operator is `F^H G F` with the unnormalised transform
/// F of n points and a symmetric matrix G over the coefficients at each of them, so that
///
/// ```text
/// (F^H G F + rho I)^-1 = 1/n F^H (n G + rho I)^-1 F
/// ```
///
/// needs two transforms and a small Cholesky factorisation per point.
impl RegularisedInverse for CartesianOperator {
    fn solve(&self, rho: f32, b: View<'_>, x: ViewMut<'_>) -> Result<()> {
        if !(rho.is_finite() && rho > 0.0) {
            return Err(Error::parameter(OPERATION, "rho", "a finite number above 0", rho));
        }
        let b = self.domain().slice(OPERATION, "right-hand side", &b)?;
        let x = self.domain().slice_mut(OPERATION, "solution", x)?;
        self.solve_points(self.gram_matrices(), self.fourier.pixels() as f64, f64::from(rho), self.coil_map(0), b, x);
        Ok(())
    }
}

impl CartesianOperator {
    /// `x = 1/n S^H F^H (scale M + shift I)^-1 F S b` with matrices M (pair, point) and a coil of modulus 1.
    pub(crate) fn solve_points(
        &self,
        matrices: &[f32],
        scale: f64,
        shift: f64,
        coil: Option<&[Complex32]>,
        b: &[Complex32],
        x: &mut [Complex32],
    ) {
        let (coefficients, pixels) = (self.coefficients, self.fourier.pixels());
        let mut spectra = vec![Complex32::ZERO; b.len()];
        self.spectra(coil, b, &mut spectra);
        // (point, coefficient)
        let mut solved = vec![Complex32::ZERO; b.len()];
        solved.par_chunks_exact_mut(coefficients).enumerate().for_each_init(
            || PointSystem::new(coefficients),
            |system, (point, values)| {
                system.assemble(scale, shift, |j, k| self.plane(matrices, j, k)[point]);
                system.solve(|k| spectra[k * pixels + point]);
                let scaled = system.solution.iter().map(|value| value / pixels as f64);
                values.iter_mut().zip(scaled).for_each(|(x, v)| *x = Complex32::new(v.re as f32, v.im as f32));
            },
        );
        x.fill(Complex32::ZERO);
        self.add_images(coil, x, |k, spectrum| {
            spectrum.iter_mut().zip(solved.chunks_exact(coefficients)).for_each(|(x, values)| *x = values[k]);
        });
    }
}

/// The symmetric positive definite system of one point of k-space, in double precision.
struct PointSystem {
    /// Lower triangle, row by row, first of the matrix and then of its Cholesky factor.
    factor: Vec<Vec<f64>>,
    solution: Vec<Complex64>,
}

impl PointSystem {
    fn new(coefficients: usize) -> Self {
        let factor = (0..coefficients).map(|row| vec![0.0; row + 1]).collect();
        Self { factor, solution: vec![Complex64::ZERO; coefficients] }
    }

    /// Factorises `scale G + rho I`.
    fn assemble(&mut self, scale: f64, rho: f64, gram: impl Fn(usize, usize) -> f32) {
        for row in 0..self.factor.len() {
            for column in 0..=row {
                let mut value = scale * f64::from(gram(column, row)) + if row == column { rho } else { 0.0 };
                for inner in 0..column {
                    value -= self.factor[row][inner] * self.factor[column][inner];
                }
                // Rounding of G in single precision may leave a pivot of its null space below rho.
                self.factor[row][column] =
                    if row == column { value.max(rho).sqrt() } else { value / self.factor[column][column] };
            }
        }
    }

    fn solve(&mut self, right_hand_side: impl Fn(usize) -> Complex32) {
        let (factor, x) = (&self.factor, &mut self.solution);
        for row in 0..x.len() {
            let value = right_hand_side(row);
            let mut value = Complex64::new(value.re.into(), value.im.into());
            for column in 0..row {
                value -= x[column] * factor[row][column];
            }
            x[row] = value / factor[row][row];
        }
        for row in (0..x.len()).rev() {
            for below in row + 1..x.len() {
                let product = x[below] * factor[below][row];
                x[row] -= product;
            }
            x[row] /= factor[row][row];
        }
    }
}
