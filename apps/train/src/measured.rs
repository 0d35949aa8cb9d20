//! A training image as it was measured.

use diph_core::{Error, Result, estimate_intensity};
use ndarray::{Array3, ArrayD, Ix3};
use num_complex::Complex32;

use crate::Measurement;
use diph_recon::ConditionImage;

/// A measured image.
pub struct Measured<'a> {
    pub(crate) measurement: &'a Measurement,
    pub(crate) samples: ArrayD<Complex32>,
}

impl Measured<'_> {
    /// The image value that counts as 1, estimated as reconstructions without data weights do.
    ///
    /// # Errors
    /// When there is no signal.
    pub fn intensity(&self) -> Result<f32> {
        estimate_intensity(&self.measurement.unweighted, self.samples.view())
    }

    /// The condition image (coefficient, y, x) in units of an intensity.
    ///
    /// # Errors
    /// Those of the operators.
    pub fn condition(&self, condition: ConditionImage, intensity: f32) -> Result<Array3<Complex32>> {
        let Measurement { unweighted, density_compensated, .. } = self.measurement;
        let image = condition.compute(unweighted, density_compensated, self.samples.view(), intensity)?;
        image.into_dimensionality::<Ix3>().map_err(|error| Error::external("condition image", error))
    }
}
