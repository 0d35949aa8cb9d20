//! What only a checker asks of a plugin: whether it refuses what it must, and whether its weights are those that it tells.

use std::collections::BTreeMap;

use diph_core::{
    Error, Estimator, ForwardOperator, ImageShape, ParameterMaps, PhysicsProjector, Prior, PriorContext, Result, Rng,
    lend_conditions,
};
use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;

use crate::{Example, Kind, PluginEstimator, PluginInstance, PluginOperator, PluginPrior, PluginProjector, Registry};

/// Steps of a noise schedule, and a noise level for a prior that has none.
const STEPS: usize = 10;
const SIGMA: f32 = 0.5;

impl Registry {
    /// Creates the small instance that the component's descriptor describes, with arrays drawn from `seed`. The arrays are
    /// overwritten afterwards: a component copies what it needs.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), or when the description is of no use.
    pub fn create_example(&self, id: &str, seed: u64) -> Result<(PluginInstance, &Example)> {
        let example = &self.find(id)?.descriptor.example;
        let mut arrays = example.draw(seed)?;
        let instance = self.create(id, &example.options, &arrays)?;
        arrays.poison();
        Ok((instance, example))
    }

    /// Whether the component refuses an option that nobody knows, as it must.
    ///
    /// # Errors
    /// [`Error::Parameter`] when there is no such component, or its example is of no use.
    pub fn refuses_unknown_option(&self, id: &str, seed: u64) -> Result<bool> {
        let example = &self.find(id)?.descriptor.example;
        let mut options = example.options.clone();
        if let Some(options) = options.as_object_mut() {
            options.insert("an-option-that-nobody-knows".into(), serde_json::Value::Null);
        }
        Ok(self.create(id, &options, &example.draw(seed)?).is_err())
    }

    /// Whether the plugin itself refuses tensors that do not fit. The host never lets any through, so that nothing else tries it. An
    /// operator gets an image that is longer than its domain, a prior a result that is longer than its image, a projector an
    /// image of one coefficient too many, and an estimator images that are longer than its results. There is memory
    /// behind all of them, so that a plugin that takes them harms nobody.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), or when the component's example is of no use.
    pub fn refuses_wrong_shape(&self, id: &str, seed: u64) -> Result<bool> {
        let descriptor = self.find(id)?.descriptor;
        let example = &descriptor.example;
        let arrays = example.draw(seed)?;
        let instance = self.instantiate(id, &descriptor.kind, &example.options, &arrays)?;
        // SAFETY: the instance is of the kind that its descriptor states.
        unsafe {
            match &descriptor.kind {
                Kind::ForwardOperator => PluginOperator::new(instance)?.refuses_longer_image(),
                Kind::Prior => {
                    let prior = PluginPrior::new(instance)?;
                    let conditions = example.draw_conditions(seed)?;
                    with_context(&prior, &conditions, seed, |sigma, context| {
                        prior.refuses_longer_result(&example.image, sigma, context)
                    })
                }
                Kind::PhysicsProjector => {
                    PluginProjector::new(instance)?.refuses_another_coefficient(&example.image_shape()?)
                }
                Kind::Estimator => PluginEstimator::new(instance)?.refuses_longer_images(&example.image),
                Kind::Unknown(kind) => Err(Error::incompatible("plugins", "a kind that this host knows", kind)),
            }
        }
    }

    /// How far the operator `id` with data weights w is from `sqrt(w) A`, with A the same operator without them and `sqrt(w)` what
    /// its extension tells: `|A_w x - sqrt(w) A x| / |A_w x|` for an image of ones. `None` for a component that is no operator or
    /// whose example has no array `weights`.
    ///
    /// # Errors
    /// As [`create_operator`](Self::create_operator), and [`Error::Incompatible`] when the operator takes weights and does not
    /// tell their roots.
    pub fn weights_error(&self, id: &str, seed: u64) -> Result<Option<f64>> {
        let descriptor = self.find(id)?.descriptor;
        let example = &descriptor.example;
        if descriptor.kind != Kind::ForwardOperator || !example.arrays.contains_key("weights") {
            return Ok(None);
        }
        let arrays = example.draw(seed)?;
        let weighted = self.create_operator(id, &example.options, &arrays)?;
        let plain = self.create_operator(id, &example.options, &arrays.without("weights"))?;
        let Some(roots) = weighted.data_weights()? else {
            let expected = "the roots of its data weights by the extension `data-weights`";
            return Err(Error::incompatible(format!("operator `{id}`"), expected, "none"));
        };
        let image = weighted.domain().zeros().mapv(|_: Complex32| Complex32::ONE);
        let (mut with, mut without) = (weighted.range().zeros(), plain.range().zeros());
        weighted.forward(image.view(), with.view_mut())?;
        plain.forward(image.view(), without.view_mut())?;
        without.zip_mut_with(&roots, |sample, root| *sample *= root);
        let norm = |samples: &ArrayD<Complex32>| samples.iter().map(|s| f64::from(s.norm_sqr())).sum::<f64>().sqrt();
        Ok(Some(norm(&(&with - &without)) / norm(&with).max(f64::MIN_POSITIVE)))
    }
}

impl PluginInstance {
    /// What the instance makes of `image`, one array after the other: the samples of an operator, the clean image of a prior, the
    /// projection and its maps, the maps or the image of an estimator. For checkers that compare two parts, or want a call.
    ///
    /// # Errors
    /// Those of the plugin, and where its kind wants another shape.
    pub fn response(
        &self,
        image: &ArrayD<Complex32>,
        conditions: &BTreeMap<String, ArrayD<Complex32>>,
        seed: u64,
    ) -> Result<Vec<ArrayD<Complex32>>> {
        match self {
            Self::Operator(operator) => {
                let mut samples = operator.range().zeros();
                operator.forward(image.view(), samples.view_mut())?;
                Ok(vec![samples])
            }
            Self::Prior(prior) => {
                let mut clean = ArrayD::zeros(image.raw_dim());
                with_context(&**prior, conditions, seed, |sigma, context| {
                    prior.denoise(image.view(), sigma, clean.view_mut(), context)
                })?;
                Ok(vec![clean])
            }
            Self::Projector(projector) => {
                let (_, shape) = ImageShape::split("projection", image.shape())?;
                let mut maps = ParameterMaps::zeros(projector.parameters().to_vec(), &shape);
                let mut projected = ArrayD::zeros(image.raw_dim());
                projector.project(image.view(), projected.view_mut(), Some(&mut maps))?;
                Ok(vec![projected, maps.values.mapv(Complex32::from), maps.amplitude])
            }
            Self::Estimator(estimator) => {
                let images = estimator.inputs().iter().map(|name| (name.clone(), image.clone())).collect();
                if estimator.parameters().is_empty() {
                    let mut result = ArrayD::zeros(image.raw_dim());
                    estimator.estimate(&images, Some(result.view_mut()), None)?;
                    return Ok(vec![result]);
                }
                let (_, shape) = ImageShape::split("estimation", image.shape())?;
                let mut maps = ParameterMaps::zeros(estimator.parameters().to_vec(), &shape);
                estimator.estimate(&images, None, Some(&mut maps))?;
                Ok(vec![maps.values.mapv(Complex32::from), maps.amplitude])
            }
        }
    }
}

/// Runs `call` with a noise level and what a prior may look at: an entry of its schedule, where it has one.
fn with_context<T>(
    prior: &dyn Prior,
    conditions: &BTreeMap<String, ArrayD<Complex32>>,
    seed: u64,
    call: impl FnOnce(f32, &mut PriorContext<'_>) -> Result<T>,
) -> Result<T> {
    let schedule = prior.noise_schedule(STEPS)?.and_then(|schedule| schedule.entries.get(STEPS / 2).copied());
    let sigma = schedule.map_or(SIGMA, |entry| entry.sigma() as f32);
    let (lent, mut rng) = (lend_conditions(conditions), Rng::seed_from_u64(seed));
    call(sigma, &mut PriorContext { schedule, conditions: &lent, rng: &mut rng })
}
