//! Operators written out as matrices.

use diph_core::{ForwardOperator, Result};
use ndarray::{Array2, ArrayD};
use num_complex::Complex32;

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
