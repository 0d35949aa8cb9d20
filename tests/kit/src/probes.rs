//! What laws are measured with: random arrays, arithmetic in double precision, and operators written out as matrices.

use diph_core::{ForwardOperator, Result, Rng};
use ndarray::{Array2, ArrayD, IxDyn};
use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

/// Standard normal in each real channel.
pub(crate) fn normal(shape: &[usize], seed: u64) -> ArrayD<Complex32> {
    let mut rng = Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        Complex32::new(rng.sample(StandardNormal), rng.sample(StandardNormal))
    })
}

/// `sum conj(a) b`.
pub(crate) fn dot(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| wide(*a).conj() * wide(*b)).sum()
}

pub(crate) fn norm(a: &ArrayD<Complex32>) -> f64 {
    a.iter().map(|a| wide(*a).norm_sqr()).sum::<f64>().sqrt()
}

/// `|a - b|`.
pub(crate) fn distance(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (wide(*a) - wide(*b)).norm_sqr()).sum::<f64>().sqrt()
}

/// `error / scale`, where nothing over nothing is no error.
pub(crate) fn relative(error: f64, scale: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / scale }
}

pub(crate) fn finite(a: &ArrayD<Complex32>) -> bool {
    a.iter().all(|value| value.re.is_finite() && value.im.is_finite())
}

fn wide(value: Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}

/// The matrix of `A`, (range length, domain length), both flattened in C order. One `forward` for each column.
///
/// # Errors
/// Where `forward` fails.
pub fn dense_matrix(operator: &dyn ForwardOperator) -> Result<Array2<Complex32>> {
    let (rows, columns) = (operator.range().len(), operator.domain().len());
    let mut matrix = Array2::zeros((rows, columns));
    for j in 0..columns {
        let mut unit = operator.domain().zeros();
        if let Some(entry) = unit.iter_mut().nth(j) {
            *entry = Complex32::ONE;
        }
        let mut column: ArrayD<Complex32> = operator.range().zeros();
        operator.forward(unit.view(), column.view_mut())?;
        for (entry, value) in matrix.column_mut(j).iter_mut().zip(&column) {
            *entry = *value;
        }
    }
    Ok(matrix)
}

/// Largest difference between the operator's matrix and `expected`, relative to the largest entry of `expected`.
///
/// # Errors
/// Where `forward` fails, or the matrix has another shape.
pub fn dense_difference(operator: &dyn ForwardOperator, expected: &Array2<Complex32>) -> Result<f64> {
    let matrix = dense_matrix(operator)?;
    if matrix.dim() != expected.dim() {
        let (expected, got) = (format!("{:?}", expected.dim()), format!("{:?}", matrix.dim()));
        return Err(diph_core::Error::incompatible("dense comparison", expected, got));
    }
    let largest = expected.iter().map(|value| value.norm()).fold(0f32, f32::max);
    let difference = matrix.iter().zip(expected).map(|(a, b)| (a - b).norm()).fold(0f32, f32::max);
    Ok(f64::from(difference) / f64::from(largest.max(f32::MIN_POSITIVE)))
}
