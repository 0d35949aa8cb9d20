//! The acquisition operator.

use diph_benches::{COEFFICIENTS, acquisition, noise};
use diph_core::{AcquisitionShape, ForwardOperator, ImageShape, MemoryEstimate};
use diph_nufft::{Accuracy, MrfOperator};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::Result;
use crate::case::Case;
use crate::measurement::{median, once};

/// Accuracy of the transform, that of the method files.
const EPS: f64 = 1e-4;

/// Set-up with the Toeplitz kernels, normal operator, forward and adjoint, for all coils.
pub fn measure(case: &Case) -> Result<(Vec<(String, f64)>, MemoryEstimate)> {
    let options = acquisition::sized(EPS, case.size, case.frames, case.coils);
    let shape = AcquisitionShape {
        image: ImageShape::plane(case.size, case.size),
        coefficients: COEFFICIENTS,
        frames: case.frames,
        samples: options.trajectory.samples(),
        coils: case.coils,
        has_coil_maps: options.coil_maps.is_some(),
        is_weighted: options.weights.is_some(),
    };
    let image_shape = [COEFFICIENTS, case.size, case.size];
    let image = noise(&image_shape, 1);
    let mut result = ArrayD::zeros(&image_shape[..]);
    let mut operator = None;
    let set_up = once(|| {
        let made = MrfOperator::new(options)?;
        made.normal(image.view(), result.view_mut())?;
        operator = Some(made);
        Ok(())
    })?;
    let operator = operator.ok_or("no operator")?;
    let mut samples = ArrayD::zeros(operator.range().shape());
    let seconds = vec![
        ("set-up with Toeplitz kernels".into(), set_up),
        ("normal operator".into(), median(|| Ok(operator.normal(image.view(), result.view_mut())?))?),
        ("forward".into(), median(|| Ok(operator.forward(image.view(), samples.view_mut())?))?),
        ("adjoint".into(), median(|| Ok(operator.adjoint(samples.view(), result.view_mut())?))?),
    ];
    let images = MemoryEstimate::array::<Complex32>(&[2, COEFFICIENTS, shape.pixels()]);
    let kspace = MemoryEstimate::array::<Complex32>(&[case.coils, shape.samples_per_coil()]);
    let estimate = MrfOperator::memory_estimate(&shape, Accuracy::new(EPS)?, true)?;
    Ok((seconds, estimate.kept("images", images).temporary("k-space", kspace)))
}
