//! A training image as it was measured.

use std::cell::OnceCell;

use diph_core::{Error, Problem, Result};
use ndarray::{Array3, ArrayD, Ix3};
use num_complex::Complex32;

use crate::Measurement;
use diph_recon::ConditionImage;

/// A measured image.
pub struct Measured<'a> {
    pub(crate) measurement: &'a Measurement,
    pub(crate) samples: ArrayD<Complex32>,
    /// With the operator without weights, from its first use on.
    pub(crate) problem: OnceCell<Problem>,
}

impl Measured<'_> {
    /// The image value that counts as 1, estimated as reconstructions without data weights do.
    ///
    /// # Errors
    /// When there is no signal.
    pub fn intensity(&self) -> Result<f32> {
        self.problem()?.estimate_intensity()
    }

    /// The condition image (coefficient, y, x) in units of an intensity.
    ///
    /// # Errors
    /// Those of the operators.
    pub fn condition(&self, condition: ConditionImage, intensity: f32) -> Result<Array3<Complex32>> {
        let image = match condition.is_density_compensated() {
            true => {
                let operator = self.measurement.density_compensated.clone();
                condition.compute(&Problem::unscaled(operator, self.samples.view())?)?
            }
            false => condition.compute(self.problem()?)?,
        };
        let image = image.mapv_into(|value| value / intensity);
        image.into_dimensionality::<Ix3>().map_err(|error| Error::external("condition image", error))
    }

    /// The measurement is prepared once, whether the intensity, the condition image or both are made from it.
    fn problem(&self) -> Result<&Problem> {
        if let Some(problem) = self.problem.get() {
            return Ok(problem);
        }
        let problem = Problem::unscaled(self.measurement.unweighted.clone(), self.samples.view())?;
        Ok(self.problem.get_or_init(|| problem))
    }
}
