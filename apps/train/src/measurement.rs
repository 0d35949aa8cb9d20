//! What a training image becomes when it is measured.

use std::cell::OnceCell;
use std::sync::Arc;

use diph_core::{Error, ForwardOperator, Problem, Result, Rng};
use diph_datasets::{NoiseLevel, NoiseParts, add_measurement_noise};
use diph_plugin_host::Registry;
use ndarray::{Array3, ArrayD, Ix3};
use num_complex::Complex32;
use rand::RngExt;

use diph_recon::reconstruction::Parts;
use diph_recon::{Acquisition, ConditionImage};

/// An acquisition that measures training images, each time with other noise.
pub struct Measurement {
    unweighted: Arc<dyn ForwardOperator>,
    density_compensated: Arc<dyn ForwardOperator>,
    /// Of the method that makes the condition image, where a method does.
    condition: Option<Parts>,
    noise: [f64; 2],
}

impl Measurement {
    /// Measures with an operator from a plugin. The standard deviation of the noise per complex sample is log-uniform between
    /// the two. `condition` is the condition image that will be asked for, if any.
    ///
    /// # Errors
    /// When the plugin is missing or refuses the acquisition.
    pub fn new(
        registry: &Registry,
        operator_id: &str,
        acquisition: &Acquisition,
        noise: [f64; 2],
        condition: Option<&ConditionImage>,
    ) -> Result<Self> {
        let options = serde_json::json!({});
        let create = |weighted| -> Result<Arc<dyn ForwardOperator>> {
            Ok(registry.create_operator(operator_id, &options, &acquisition.for_parts(weighted))?.into())
        };
        let condition = match condition {
            Some(ConditionImage::Method(method)) => Some(Parts::create(registry, method, acquisition)?),
            _ => None,
        };
        Ok(Self { unweighted: create(false)?, density_compensated: create(true)?, condition, noise })
    }

    /// The operator without data weights.
    pub fn operator(&self) -> &dyn ForwardOperator {
        &*self.unweighted
    }

    /// Measures an image (coefficient, y, x).
    ///
    /// # Errors
    /// Those of the operator.
    pub fn measure(&self, image: &Array3<Complex32>, rng: &mut Rng) -> Result<Measured<'_>> {
        let mut samples = self.unweighted.range().zeros();
        self.unweighted.forward(image.view().into_dyn(), samples.view_mut())?;
        let noise = log_uniform(self.noise, rng);
        add_measurement_noise(samples.view_mut(), NoiseLevel::StandardDeviation(noise), NoiseParts::Complex, rng)
            .map_err(|error| Error::external("measurement", error))?;
        Ok(Measured { measurement: self, samples, noise: noise as f32, problem: OnceCell::new() })
    }
}

/// A measured image.
pub struct Measured<'a> {
    measurement: &'a Measurement,
    samples: ArrayD<Complex32>,
    noise: f32,
    /// With the operator without weights, from its first use on.
    problem: OnceCell<Problem>,
}

impl Measured<'_> {
    /// The samples (coil, frame, sample).
    pub fn samples(&self) -> &ArrayD<Complex32> {
        &self.samples
    }

    /// Standard deviation of the noise per complex sample.
    pub fn noise(&self) -> f32 {
        self.noise
    }

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
    pub fn condition(&self, condition: &ConditionImage, intensity: f32) -> Result<Array3<Complex32>> {
        let image = match (condition, &self.measurement.condition) {
            (ConditionImage::Method(method), Some(parts)) => parts.physical_image(method, self.samples.view())?,
            _ if condition.is_density_compensated() => {
                let operator = self.measurement.density_compensated.clone();
                condition.compute(&Problem::unscaled(operator, self.samples.view())?)?
            }
            _ => condition.compute(self.problem()?)?,
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

/// A factor whose logarithm is uniform between those of the bounds.
pub(crate) fn log_uniform([least, greatest]: [f64; 2], rng: &mut Rng) -> f64 {
    let share: f64 = rng.random_range(0.0..1.0);
    least * (greatest / least).powf(share)
}
