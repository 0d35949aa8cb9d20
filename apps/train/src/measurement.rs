//! What a training image becomes when it is measured.

use std::sync::Arc;

use diph_core::{Error, ForwardOperator, Result, Rng};
use diph_datasets::{NoiseLevel, NoiseParts, add_measurement_noise};
use diph_plugin_host::Registry;
use ndarray::Array3;
use num_complex::Complex32;
use rand::RngExt;

use crate::Measured;
use diph_recon::Acquisition;

/// An acquisition that measures training images, each time with other noise.
pub struct Measurement {
    pub(crate) unweighted: Arc<dyn ForwardOperator>,
    pub(crate) density_compensated: Arc<dyn ForwardOperator>,
    noise: [f64; 2],
}

impl Measurement {
    /// Measures with an operator from a plugin. The standard deviation of the noise per complex sample is log-uniform between
    /// the two.
    ///
    /// # Errors
    /// When the plugin is missing or refuses the acquisition.
    pub fn new(registry: &Registry, operator_id: &str, acquisition: &Acquisition, noise: [f64; 2]) -> Result<Self> {
        let options = serde_json::json!({});
        let create = |weighted| -> Result<Arc<dyn ForwardOperator>> {
            Ok(Arc::new(registry.create_operator(operator_id, &options, &acquisition.for_parts(weighted))?))
        };
        Ok(Self { unweighted: create(false)?, density_compensated: create(true)?, noise })
    }

    /// Measures an image (coefficient, y, x).
    ///
    /// # Errors
    /// Those of the operator.
    pub fn measure(&self, image: &Array3<Complex32>, rng: &mut Rng) -> Result<Measured<'_>> {
        let mut samples = self.unweighted.range().zeros();
        self.unweighted.forward(image.view().into_dyn(), samples.view_mut())?;
        let level = NoiseLevel::StandardDeviation(log_uniform(self.noise, rng));
        add_measurement_noise(samples.view_mut(), level, NoiseParts::Complex, rng)
            .map_err(|error| Error::external("measurement", error))?;
        Ok(Measured { measurement: self, samples })
    }
}

/// A factor whose logarithm is uniform between those of the bounds.
pub(crate) fn log_uniform([least, greatest]: [f64; 2], rng: &mut Rng) -> f64 {
    let share: f64 = rng.random_range(0.0..1.0);
    least * (greatest / least).powf(share)
}
