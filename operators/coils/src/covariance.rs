//! How the signals of coils go together.

use num_complex::Complex64;

/// Steps of the power iteration; neighbouring eigenvalues lie far apart where there is signal.
const STEPS: usize = 30;

/// Hermitian covariance of the coils, row by row.
#[derive(Clone)]
pub(crate) struct Covariance {
    pub coils: usize,
    /// (coil, coil)
    pub values: Vec<Complex64>,
}

impl Covariance {
    pub fn zero(coils: usize) -> Self {
        Self { coils, values: vec![Complex64::default(); coils * coils] }
    }

    pub fn add(&mut self, other: &Self) {
        self.values.iter_mut().zip(&other.values).for_each(|(sum, value)| *sum += value);
    }

    pub fn add_signal(&mut self, signal: &[Complex64]) {
        for (row, left) in self.values.chunks_exact_mut(self.coils).zip(signal) {
            row.iter_mut().zip(signal).for_each(|(sum, right)| *sum += left * right.conj());
        }
    }

    /// Eigenvector of the largest eigenvalue, of length 1; zero for no signal.
    pub fn strongest(&self) -> Vec<Complex64> {
        self.strongest_with_value().0
    }

    /// The largest eigenvalue and its eigenvector of length 1; zeros for no signal.
    pub fn strongest_with_value(&self) -> (Vec<Complex64>, f64) {
        let diagonal = |coil: usize| self.values[coil * (self.coils + 1)].re;
        // The first of the strongest coils, so that ties do not depend on anything else.
        let brightest = (0..self.coils).rev().max_by(|a, b| diagonal(*a).total_cmp(&diagonal(*b))).unwrap_or(0);
        let mut vector: Vec<Complex64> = self.values.chunks_exact(self.coils).map(|row| row[brightest]).collect();
        normalise(&mut vector);
        let mut value = 0.0;
        for _ in 0..STEPS {
            let product = |row: &[Complex64]| row.iter().zip(&vector).map(|(a, b)| a * b).sum();
            vector = self.values.chunks_exact(self.coils).map(product).collect();
            value = normalise(&mut vector);
        }
        (vector, value)
    }
}

/// Brings a vector to length 1, unless it is zero, and tells which length it had.
fn normalise(vector: &mut [Complex64]) -> f64 {
    let norm = vector.iter().map(Complex64::norm_sqr).sum::<f64>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|value| *value /= norm);
    }
    norm
}

/// `vector` with the phase that makes its product with `reference` positive.
pub(crate) fn in_phase(mut vector: Vec<Complex64>, reference: &[Complex64]) -> Vec<Complex64> {
    let product: Complex64 = vector.iter().zip(reference).map(|(v, r)| v * r.conj()).sum();
    if product.norm() > 0.0 {
        let phase = product.conj() / product.norm();
        vector.iter_mut().for_each(|value| *value *= phase);
    }
    vector
}
