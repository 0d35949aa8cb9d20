//! Coils that are mixtures of others.

use diph_core::{Error, Result};
use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD};
use num_complex::{Complex32, Complex64};

/// K-space or sensitivities (coil, ...) of other coils, each a mixture of those that are there: `matrix` (new coil, coil)
/// times the first axis. Whoever mixes k-space mixes sensitivities by the same matrix.
///
/// # Errors
/// [`Error::Shape`] when the first axis is not that of the matrix's columns.
pub fn mix(matrix: ArrayView2<'_, Complex64>, data: ArrayViewD<'_, Complex32>) -> Result<ArrayD<Complex32>> {
    let (new, coils) = matrix.dim();
    let mut shape = data.shape().to_vec();
    let wrong = |shape: &[usize]| {
        let expected = [&[coils], shape.get(1..).unwrap_or_default()].concat();
        Error::Shape { operation: "mixing coils".into(), role: "(coil, ...)".into(), expected, got: shape.to_vec() }
    };
    if shape.first() != Some(&coils) {
        return Err(wrong(&shape));
    }
    let length: usize = shape[1..].iter().product();
    let failed = wrong(&shape);
    let flat: Array2<Complex32> = match data.as_standard_layout().into_owned().into_shape_with_order((coils, length)) {
        Ok(flat) => flat,
        Err(_) => return Err(failed),
    };
    let matrix = matrix.mapv(|value| Complex32::new(value.re as f32, value.im as f32));
    shape[0] = new;
    matrix.dot(&flat).into_shape_with_order(shape).map_err(|_| failed)
}
