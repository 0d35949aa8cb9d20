//! A training run.

use std::collections::BTreeMap;
use std::path::Path;

use diph_core::Rng;
use diph_network::{
    AdamW, Buffer, Checkpoint, ForwardMode, GradientSum, ParameterState, Parameters, Tensor, UNet, gradient_norm,
};
use ndarray::{Array3, ArrayView4, ArrayViewMut3, Axis};
use rand::SeedableRng;

use super::initial;
use super::pool::Pool;
use super::state::{self, RunState};
use super::{Sample, SampleSource, TrainingConfig, TrainingSettings};
use crate::network::{base, tensor, timesteps};
use crate::{Error, Loss, OUTPUTS, RegressionConfig, Result, loss_and_gradient};

/// One step of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingStep {
    /// Its number, from 0.
    pub step: u64,
    /// Weighted mean loss over the pixels of its images.
    pub loss: f64,
    /// Euclidean norm of the gradient of all parameters, before clipping.
    pub gradient_norm: f64,
    /// Learning rate that it was done with.
    pub learning_rate: f64,
}

/// A training run: the network, the optimiser, the average of the parameters, and the samples in use.
///
/// Two runs of the same configuration and samples are equal bit for bit, resumed or not.
pub struct Trainer {
    config: TrainingConfig,
    parameters: Vec<ParameterState>,
    unet: UNet,
    pool: Pool,
    step: u64,
}

impl Trainer {
    /// A run before its first step.
    ///
    /// # Errors
    /// [`diph_network::Error::Setting`] when the configuration makes no run.
    pub fn new(config: TrainingConfig) -> Result<Self> {
        config.check()?;
        let initial = Parameters::initialise(&config.model.unet, &mut Rng::seed_from_u64(config.settings.seed))?;
        Self::from_parameters(config, &initial)
    }

    /// A run before its first step that starts from trained weights of the same architecture. Where they are of another temporal
    /// basis ([`RegressionConfig::has_basis_of`]), the layer that reads the coefficients starts anew.
    ///
    /// # Errors
    /// [`diph_network::Error::Setting`] when the configuration makes no run, and the errors of tensors that do not fit:
    /// [`diph_network::Error::MissingTensor`], [`diph_network::Error::ExtraTensor`], [`diph_network::Error::TensorShape`].
    pub fn starting_from(config: TrainingConfig, weights: &Checkpoint<RegressionConfig>) -> Result<Self> {
        config.check()?;
        let initial = initial::parameters(&config, weights)?;
        Self::from_parameters(config, &initial)
    }

    /// A run as [`Trainer::save`] left it.
    ///
    /// # Errors
    /// [`diph_network::Error::File`] when the file is not the state of a run, [`diph_network::Error::Checkpoint`] when a tensor is missing or of another
    /// shape.
    pub fn resume(path: impl AsRef<Path>) -> Result<Self> {
        let RunState { config, step, parameters } = state::read(path.as_ref())?;
        Ok(Self { step, ..Self::from_states(config, parameters)? })
    }

    fn from_parameters(config: TrainingConfig, initial: &Parameters) -> Result<Self> {
        let states = initial.iter().map(|(name, parameter)| ParameterState::new(name.into(), parameter.to_tensor(), 1));
        Self::from_states(config, states.collect())
    }

    fn from_states(config: TrainingConfig, parameters: Vec<ParameterState>) -> Result<Self> {
        let variables = Parameters::of_states(&config.model.unet, &parameters)?;
        let unet = UNet::with_precision(&config.model.unet, &variables, config.settings.precision)?;
        Ok(Self { config, parameters, unet, pool: Pool::default(), step: 0 })
    }

    /// The run with another number of steps in all, which changes the rest of its learning rates.
    pub fn extended(mut self, steps: u64) -> Self {
        self.config.settings.steps = steps;
        self
    }

    /// The configuration.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// How many steps are done.
    pub fn step_number(&self) -> u64 {
        self.step
    }

    /// One step of the optimiser.
    ///
    /// # Errors
    /// When a sample cannot be made or does not fit, and [`Error::Diverged`] when the loss or the gradient is not finite. The run
    /// is then as it was before.
    pub fn step(&mut self, source: &dyn SampleSource) -> Result<TrainingStep> {
        let samples = self.pool.batch(&self.config, source, self.step)?;
        let (loss, gradients) = self.gradients(&samples)?;
        self.check_finite("loss", loss)?;
        let gradient_norm = gradient_norm(&gradients);
        self.check_finite("norm of the gradient", gradient_norm)?;
        let settings = &self.config.settings;
        let learning_rate = settings.learning_rate_at(self.step);
        let TrainingSettings { weight_decay, betas, ema_rate, gradient_clip, .. } = *settings;
        let scale = (gradient_clip / gradient_norm.max(f64::MIN_POSITIVE)).min(1.0);
        let adam_w = AdamW::new(self.step, learning_rate, weight_decay, betas, scale, &[ema_rate]);
        adam_w.update(&mut self.parameters, &gradients)?;
        let done = TrainingStep { step: self.step, loss, gradient_norm, learning_rate };
        self.step += 1;
        Ok(done)
    }

    /// The loss of a batch and its gradient.
    fn gradients(&self, samples: &[Sample]) -> Result<(f64, Vec<Buffer>)> {
        let planes: Vec<Array3<f32>> = samples.iter().map(|sample| sample.planes.clone()).collect();
        let log_scales: Vec<f32> = samples.iter().map(|sample| sample.log_scale).collect();
        let mut mean = 0.0;
        let loss = |output: &Tensor| -> diph_network::Result<Tensor> {
            let (value, gradient) = batch_loss(&self.config.model, samples, output)?;
            mean = value;
            Ok(gradient)
        };
        let mode = &mut ForwardMode::Inference;
        let found = self.unet.backward(&tensor(&planes)?, &timesteps(&log_scales), None, mode, loss)?;
        let mut sum = GradientSum::new(&self.parameters);
        sum.add(found);
        Ok((mean, sum.finish(self.unet.arena())))
    }

    fn check_finite(&self, quantity: &str, value: f64) -> Result<()> {
        match value.is_finite() {
            true => Ok(()),
            false => Err(Error::Diverged { step: self.step, quantity: quantity.into(), value }),
        }
    }

    /// Writes everything that [`Trainer::resume`] needs, first under a temporary name.
    ///
    /// # Errors
    /// [`diph_network::Error::File`] when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        Ok(state::write(path.as_ref(), &self.config, self.step, &self.parameters)?)
    }

    /// The average of the network over its last steps, which answers better than the network itself.
    ///
    /// # Errors
    /// None that a run's own shapes could cause.
    pub fn average(&self) -> Result<Checkpoint<RegressionConfig>> {
        let tensor = |state: &ParameterState| -> Result<Tensor> {
            let values = state.averages.first().cloned().unwrap_or_default();
            Ok(Tensor::new(state.variable.shape(), values)?)
        };
        let tensors = self.parameters.iter().map(|state| Ok((state.name.clone(), tensor(state)?)));
        let notes = BTreeMap::from([
            ("training_steps".to_string(), self.step.to_string()),
            ("seed".to_string(), self.config.settings.seed.to_string()),
            ("ema_rate".to_string(), self.config.settings.ema_rate.to_string()),
        ]);
        let parameters = Parameters::new(&self.config.model.unet, tensors.collect::<Result<_>>()?)?;
        Ok(Checkpoint { config: self.config.model.clone(), parameters, notes })
    }
}

/// Weighted mean of the loss over the pixels of a batch, and its gradient with respect to the network's output.
fn batch_loss(model: &RegressionConfig, samples: &[Sample], output: &Tensor) -> diph_network::Result<(f64, Tensor)> {
    let shape = output.image_shape("loss")?;
    let values = output.values();
    let outputs = ArrayView4::from_shape(shape, values)
        .map_err(|error| diph_network::Error::setting("output", format!("(batch, {OUTPUTS}, y, x) values"), error))?;
    let weight_of =
        |sample: &Sample| sample.target.index_axis(Axis(0), OUTPUTS).iter().map(|w| f64::from(*w)).sum::<f64>();
    // One more, so that a batch of background alone has a loss of 0 instead of none.
    let weight = 1.0 + samples.iter().map(weight_of).sum::<f64>();
    let mut gradient = vec![0.0; values.len()];
    let [_, planes, height, width] = shape;
    let parts = gradient.chunks_exact_mut((planes * height * width).max(1));
    let mut total = Loss::default();
    for ((sample, output), part) in samples.iter().zip(outputs.outer_iter()).zip(parts) {
        let answer = &output + &base(&model.unet, &sample.planes);
        let part = ArrayViewMut3::from_shape((planes, height, width), part).map_err(|error| {
            diph_network::Error::setting("gradient", format!("({planes}, {height}, {width}) values"), error)
        })?;
        total.sum += loss_and_gradient(answer.view(), sample.target.view(), (1.0 / weight) as f32, part).sum;
    }
    Ok((total.sum / weight, Tensor::new(shape, gradient)?))
}
