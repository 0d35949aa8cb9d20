//! The arguments of `denoise`, checked once for all priors.

use diph_core::{Error, Result, SpatialAxes, View, ViewMut};
use num_complex::Complex32;

use crate::image_shape::ImageShape;

/// The arguments of one `denoise`.
pub(crate) struct DenoiseCall<'a> {
    pub shape: ImageShape,
    pub noisy: &'a [Complex32],
    pub clean: &'a mut [Complex32],
    /// Largest absolute value of a real or imaginary part.
    pub peak: f32,
    /// Weight of R, `sigma^2`.
    pub weight: f64,
}

impl<'a> DenoiseCall<'a> {
    /// Checks the arguments of a prior that takes images of these spatial axes.
    pub fn check(prior: &str, axes: SpatialAxes, noisy: &View<'a>, sigma: f32, clean: ViewMut<'a>) -> Result<Self> {
        let operation = format!("{prior}: denoise");
        if !sigma.is_finite() || sigma < 0.0 {
            return Err(Error::parameter(operation, "sigma", "a finite number of at least 0", sigma));
        }
        let shape = ImageShape::new(&operation, axes, noisy.shape())?;
        let noisy = shape.space().slice(&operation, "noisy image", noisy)?;
        let clean = shape.space().slice_mut(&operation, "clean image", clean)?;
        let peak = peak(&operation, noisy)?;
        Ok(Self { shape, noisy, clean, peak, weight: f64::from(sigma).powi(2) })
    }

    /// Whether the answer is the input itself, because sigma or the image is zero.
    pub fn is_identity(&self) -> bool {
        self.weight == 0.0 || self.peak == 0.0
    }

    /// Writes the input as the answer.
    pub fn copy(self) -> (ImageShape, &'a [Complex32]) {
        self.clean.copy_from_slice(self.noisy);
        (self.shape, self.noisy)
    }
}

/// Largest absolute value of a real or imaginary part; an error when one is not finite.
fn peak(operation: &str, image: &[Complex32]) -> Result<f32> {
    // Without the sign, floats are ordered as their bits are, with infinity and NaN above every finite number.
    let magnitude_bits = |value: f32| value.to_bits() & !(1 << 31);
    let bits = image.iter().fold(0, |peak, z| peak.max(magnitude_bits(z.re)).max(magnitude_bits(z.im)));
    let peak = f32::from_bits(bits);
    if peak.is_finite() {
        return Ok(peak);
    }
    let index = image.iter().position(|z| !z.is_finite()).unwrap_or_default();
    Err(Error::NotFinite { operation: operation.into(), role: "image".into(), index })
}
