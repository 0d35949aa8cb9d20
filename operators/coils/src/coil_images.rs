//! What every coil sees for itself.

use diph_core::{Error, ForwardOperator, Result};
use ndarray::{Array4, ArrayView3, ArrayView4, Axis};
use num_complex::Complex32;

/// Coil images (coil, coefficient, y, x) out of k-space (coil, frame, sample): the adjoint of `operator`, an acquisition
/// with one coil, applied to every coil. Data weights of the operator are applied.
///
/// # Errors
/// [`Error::Incompatible`] when the operator has more than one coil or images of another form, [`Error::Shape`] when the
/// k-space does not fit it; those of the operator.
pub fn coil_images(operator: &dyn ForwardOperator, kspace: ArrayView3<'_, Complex32>) -> Result<Array4<Complex32>> {
    const OPERATION: &str = "coil images";
    let (domain, range) = (operator.domain().shape(), operator.range().shape());
    let (&[coefficients, height, width], &[1, _, _]) = (&domain[..], &range[..]) else {
        let expected = "an operator from (coefficient, y, x) to (1 coil, frame, sample)";
        let got = format!("{} to {}", operator.domain(), operator.range());
        return Err(Error::incompatible(OPERATION, expected, got));
    };
    let weights = operator.data_weights()?;
    let mut images = Array4::zeros((kspace.dim().0, coefficients, height, width));
    for (samples, image) in kspace.outer_iter().zip(images.outer_iter_mut()) {
        let mut samples = samples.insert_axis(Axis(0)).into_dyn().as_standard_layout().into_owned();
        operator.range().check(OPERATION, "k-space of a coil", samples.shape())?;
        if let Some(weights) = &weights {
            samples.zip_mut_with(weights, |sample, weight| *sample *= weight);
        }
        operator.adjoint(samples.view(), image.into_dyn())?;
    }
    Ok(images)
}

/// Fails on coil images of which an axis is empty, and on those with NaN or infinity.
pub(crate) fn check_images(operation: &str, images: &ArrayView4<'_, Complex32>) -> Result<()> {
    if images.is_empty() {
        return Err(Error::Shape {
            operation: operation.into(),
            role: "coil images (coil, coefficient, y, x)".into(),
            expected: images.shape().iter().map(|length| *length.max(&1)).collect(),
            got: images.shape().to_vec(),
        });
    }
    match images.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { operation: operation.into(), role: "coil images".into(), index }),
        None => Ok(()),
    }
}
