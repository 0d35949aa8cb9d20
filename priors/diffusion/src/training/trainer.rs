//! A training run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use diph_network::{AdamW, Buffer, ForwardMode, GradientSum, ParameterState, Parameters, Tensor, UNet, gradient_norm};
use rayon::prelude::*;

use super::learning_rate::learning_rate;
use super::noised_batch::NoisedBatch;
use super::prepared_sample::PreparedSample;
use super::random_streams::Stream;
use super::reuse::Images;
use super::state_file::{self, RunState};
use super::{SampleSource, TrainingConfig, TrainingSample};
use crate::diffusion::WienerSkip;
use crate::{Checkpoint, Error, GaussianDiffusion, LossSecondMoment, Result, TimestepSampler};

/// A training run: the network, the optimiser and the averages of the parameters.
///
/// Image number n of the source belongs to step n / batch. Everything random about it follows from the seed and n, and sums
/// have a fixed order: two runs of the same configuration and images are equal bit for bit, resumed or not.
pub struct Trainer {
    config: TrainingConfig,
    diffusion: GaussianDiffusion,
    sampler: TimestepSampler,
    parameters: Vec<ParameterState>,
    unet: UNet,
    /// With the parametrisation `gaussian`.
    skip: Option<WienerSkip>,
    images: Images,
    step: u64,
}

impl Trainer {
    /// A run before its first step.
    ///
    /// # Errors
    /// [`Setting`](diph_network::Error::Setting) when the configuration makes no run.
    pub fn new(config: TrainingConfig) -> Result<Self> {
        config.check()?;
        let initial = Parameters::initialise(&config.model.unet, &mut Stream::Initialisation.rng(config.seed))?;
        Self::from_parameters(config, &initial)
    }

    /// A run before its first step that starts from the weights of a trained network of the same architecture.
    ///
    /// # Errors
    /// As [`Trainer::new`], and those of tensors that do not fit.
    pub fn starting_from(config: TrainingConfig, weights: &Checkpoint) -> Result<Self> {
        config.check()?;
        Self::from_parameters(config, &weights.parameters)
    }

    fn from_parameters(config: TrainingConfig, initial: &Parameters) -> Result<Self> {
        let averages = config.ema_rates.len();
        let state = |(name, parameter): (&str, &diph_network::Parameter)| {
            ParameterState::new(name.into(), parameter.to_tensor(), averages)
        };
        let parameters = initial.iter().map(state).collect();
        let losses = config.has_loss_memory().then(|| LossSecondMoment::new(config.model.diffusion.steps));
        Self::from_state(RunState { config, step: 0, parameters, losses })
    }

    /// A run as [`Trainer::save`] left it.
    ///
    /// # Errors
    /// [`File`](diph_network::Error::File) when the file is not the state of a run,
    /// [`Checkpoint`](diph_network::Error::Checkpoint) when a tensor is missing, left over or of another shape.
    pub fn resume(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_state(state_file::read(path.as_ref())?)
    }

    fn from_state(state: RunState) -> Result<Self> {
        let RunState { mut config, step, parameters, losses } = state;
        config.model.condition_optional |= config.condition_dropout > 0.0;
        let variables = Parameters::of_states(&config.model.unet, &parameters)?;
        let unet = UNet::with_precision(&config.model.unet, &variables, config.precision)?;
        let steps = config.model.diffusion.steps;
        let sampler = losses.map_or(TimestepSampler::Uniform { steps }, TimestepSampler::LossSecondMoment);
        let gaussian = config.model.diffusion.parametrisation.gaussian();
        let skip = gaussian.map(|skip| WienerSkip::new(skip, config.model.unet.coefficients)).transpose()?;
        let (diffusion, images) = (config.model.diffusion.diffusion()?, Images::default());
        Ok(Self { diffusion, config, sampler, parameters, unet, skip, images, step })
    }

    /// The configuration.
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// How many steps are done.
    pub fn step_number(&self) -> u64 {
        self.step
    }

    /// One step of the optimiser over the next `batch` images.
    ///
    /// # Errors
    /// When an image cannot be made or does not fit, and [`Error::Diverged`] when a loss or the gradient is not finite. The
    /// run is then as it was before.
    pub fn step(&mut self, source: &dyn SampleSource) -> Result<TrainingStep> {
        let samples = self.samples(source)?;
        let (losses, gradients) = self.gradients(&samples)?;
        let weighted = losses.iter().zip(&samples).map(|(loss, sample)| loss * sample.weight);
        let loss = weighted.sum::<f64>() / samples.len() as f64;
        self.check_finite("loss", loss)?;
        let gradient_norm = gradient_norm(&gradients);
        self.check_finite("norm of the gradient", gradient_norm)?;

        let learning_rate = learning_rate(&self.config, self.step);
        let TrainingConfig { weight_decay, betas, ref ema_rates, gradient_clip, .. } = self.config;
        let scale = gradient_clip.map_or(1.0, |clip| (clip / gradient_norm.max(f64::MIN_POSITIVE)).min(1.0));
        let adam_w = AdamW::new(self.step, learning_rate, weight_decay, betas, scale, ema_rates);
        adam_w.update(&mut self.parameters, &gradients)?;
        for (sample, loss) in samples.iter().zip(losses) {
            if let Some(step) = sample.step() {
                self.sampler.update(step, loss);
            }
        }
        let done = TrainingStep { step: self.step, loss, gradient_norm, learning_rate };
        self.step += 1;
        Ok(done)
    }

    /// The images of the next step.
    fn samples(&mut self, source: &dyn SampleSource) -> Result<Vec<PreparedSample>> {
        let (seed, place) = (self.config.seed, (self.step, self.config.batch as u64));
        let rng = |number| Stream::Choice(number).rng(seed);
        let images = self.images.of_step(self.config.reuse, source, place, rng)?;
        let (config, diffusion, sampler) = (&self.config, &self.diffusion, &self.sampler);
        let prepare = |(number, sample): &(u64, Arc<TrainingSample>)| match &self.skip {
            Some(skip) => PreparedSample::of_planes(config, skip, sampler, *number, sample),
            None => PreparedSample::new(config, diffusion, sampler, *number, sample),
        };
        // All first, so that of several faults the first is reported, whichever thread found one.
        let samples: Vec<Result<PreparedSample>> = images.par_iter().map(prepare).collect();
        samples.into_iter().collect()
    }

    /// Loss of each image without its weight, and the gradient of the mean weighted loss.
    fn gradients(&self, samples: &[PreparedSample]) -> Result<(Vec<f64>, Vec<Buffer>)> {
        let mut losses = Vec::with_capacity(samples.len());
        let mut sum = GradientSum::new(&self.parameters);
        for part in samples.chunks(self.config.microbatch.unwrap_or(self.config.batch)) {
            losses.extend(self.backward(part, 1.0 / samples.len() as f64, &mut sum)?);
        }
        Ok((losses, sum.finish(self.unet.arena())))
    }

    /// Loss of each image of a microbatch; adds the gradient of `scale` times their weighted sum.
    fn backward(&self, samples: &[PreparedSample], scale: f64, gradients: &mut GradientSum<'_>) -> Result<Vec<f64>> {
        let batch = NoisedBatch::new(&self.config, samples)?;
        let (input, times) = batch.network_input(&self.diffusion)?;
        let condition = batch.condition.as_ref();
        let first = samples.first().map_or(0, |sample| sample.number);
        let mut dropout = Stream::Dropout(first).rng(self.config.seed);
        let mut losses = Vec::new();
        let loss = |output: &Tensor| {
            let (each, gradient) = batch.losses(&self.diffusion, output, self.config.bound_weight(), scale)?;
            losses = each;
            Ok::<_, Error>(gradient)
        };
        if self.config.gradient_checkpointing {
            let collect = |found| {
                gradients.add(found);
                Ok(())
            };
            self.unet.backward_with_recomputation(&input, &times, condition, &mut dropout, loss, collect)?;
        } else {
            let mode = &mut ForwardMode::Training(&mut dropout);
            gradients.add(self.unet.backward(&input, &times, condition, mode, loss)?);
        }
        Ok(losses.into_iter().map(f64::from).collect())
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
    /// [`Write`](diph_network::Error::Write) when the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let losses = match &self.sampler {
            TimestepSampler::LossSecondMoment(losses) => Some(losses),
            TimestepSampler::Uniform { .. } => None,
        };
        state_file::write(path.as_ref(), &self.config, self.step, &self.parameters, losses)
    }

    /// The network as it is, or its average of one of the configured rates.
    ///
    /// The averages are usable from the first step on: after n steps the rate is `min(rate, (1 + n) / (10 + n))`.
    ///
    /// # Errors
    /// When there is no average of this rate.
    pub fn checkpoint(&self, ema_rate: Option<f64>) -> Result<Checkpoint> {
        let rates = &self.config.ema_rates;
        let index = ema_rate
            .map(|rate| {
                let index = rates.iter().position(|other| *other == rate);
                index.ok_or_else(|| Error::setting("ema_rate", format!("one of {rates:?}"), rate))
            })
            .transpose()?;
        let tensor = |state: &ParameterState| -> Result<Tensor> {
            match index {
                Some(index) => Ok(Tensor::new(state.variable.shape(), state.averages[index].clone())?),
                None => Ok(state.variable.to_tensor()),
            }
        };
        let tensors = self.parameters.iter().map(|state| Ok((state.name.clone(), tensor(state)?)));
        let mut notes = BTreeMap::from([
            ("training_steps".to_string(), self.step.to_string()),
            ("seed".to_string(), self.config.seed.to_string()),
        ]);
        notes.extend(ema_rate.map(|rate| ("ema_rate".to_string(), rate.to_string())));
        Ok(Checkpoint {
            config: self.config.model.clone(),
            parameters: Parameters::new(&self.config.model.unet, tensors.collect::<Result<_>>()?)?,
            notes,
        })
    }
}

/// One step of the optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingStep {
    /// Its number, from 0.
    pub step: u64,
    /// Mean loss of its images. About 1 in an untrained network with EDM or epsilon.
    pub loss: f64,
    /// Euclidean norm of the gradient of all parameters, before clipping.
    pub gradient_norm: f64,
    /// Learning rate that it was done with.
    pub learning_rate: f64,
}
