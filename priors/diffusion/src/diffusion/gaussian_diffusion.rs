//! The diffusion process: noise in, noise out.

use diph_core::{NoiseSchedule, ScheduleEntry};
use diph_network::Tensor;

use super::{DiffusionConfig, DiffusionStep, PreconditionedBatch, Prediction, Respacing, Variance};
use crate::{Error, Result};

/// A diffusion process, with every timestep or respaced. All numbers in f64.
///
/// Tensors are (batch, channel, y, x); `steps` holds an index into [`GaussianDiffusion::steps`] for each image.
#[derive(Clone, Debug)]
pub struct GaussianDiffusion {
    config: DiffusionConfig,
    steps: Vec<DiffusionStep>,
}

impl GaussianDiffusion {
    pub(crate) fn new(config: DiffusionConfig, respacing: &Respacing) -> Result<Self> {
        let used = respacing.timesteps(config.steps)?;
        let mut abar = 1.0;
        let abars: Vec<f64> = config
            .schedule
            .betas(config.steps)
            .iter()
            .map(|beta| {
                abar *= 1.0 - beta;
                abar
            })
            .collect();
        let mut previous_abar = 1.0;
        let mut steps: Vec<DiffusionStep> = Vec::with_capacity(used.len());
        for timestep in used {
            let abar = abars[timestep];
            let beta = 1.0 - abar / previous_abar;
            let posterior_variance = beta * (1.0 - previous_abar) / (1.0 - abar);
            let posterior_log_variance = posterior_variance.ln();
            steps.push(DiffusionStep {
                timestep,
                beta,
                abar,
                previous_abar,
                posterior_variance,
                posterior_log_variance,
            });
            previous_abar = abar;
        }
        // With a single step there is no second one to take the value from.
        let second = steps.get(1).map(|step| step.posterior_log_variance);
        if let Some(first) = steps.first_mut() {
            first.posterior_log_variance = second.unwrap_or(first.beta.ln());
        }
        Ok(Self { config, steps })
    }

    /// What the network was trained for.
    pub fn config(&self) -> &DiffusionConfig {
        &self.config
    }

    /// The steps, least noisy first.
    pub fn steps(&self) -> &[DiffusionStep] {
        &self.steps
    }

    /// The noise levels in the form that solvers take.
    pub fn noise_schedule(&self) -> NoiseSchedule {
        let entry =
            |(index, step): (usize, &DiffusionStep)| ScheduleEntry { index, timestep: step.timestep, abar: step.abar };
        NoiseSchedule { entries: self.steps.iter().enumerate().map(entry).collect() }
    }

    /// `q(x_t | x_0)`: `sqrt(abar) x_0 + sqrt(1 - abar) noise`.
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn add_noise(&self, clean: &Tensor, steps: &[usize], noise: &Tensor) -> Result<Tensor> {
        let signal = self.scaled(clean, steps, |step| step.abar.sqrt())?;
        sum(&signal, &self.scaled(noise, steps, |step| (1.0 - step.abar).sqrt())?)
    }

    /// How the network is called, for each image.
    ///
    /// # Errors
    /// When there is no such step.
    pub fn preconditioned(&self, steps: &[usize]) -> Result<PreconditionedBatch> {
        let one = |step: &usize| {
            let step = self.step(*step)?;
            let time = self.network_time(step.timestep as f64);
            self.config.parametrisation.preconditioning(step.abar, time)
        };
        Ok(PreconditionedBatch::new(steps.iter().map(one).collect::<Result<Vec<_>>>()?))
    }

    /// A timestep as the network is told it.
    pub(crate) fn network_time(&self, timestep: f64) -> f64 {
        match self.config.rescale_timesteps {
            true => timestep * 1000.0 / self.config.steps as f64,
            false => timestep,
        }
    }

    /// The network's input for x_t, and its time for each image.
    ///
    /// # Errors
    /// When the number of steps does not fit.
    pub fn network_input(&self, noisy: &Tensor, steps: &[usize]) -> Result<(Tensor, Vec<f32>)> {
        let batch = self.preconditioned(steps)?;
        Ok((batch.input(&self.at_unit_signal(noisy, steps)?)?, batch.times()))
    }

    /// What the network's output (its first half) should be.
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn network_target(&self, clean: &Tensor, noisy: &Tensor, steps: &[usize]) -> Result<Tensor> {
        self.preconditioned(steps)?.target(clean, &self.at_unit_signal(noisy, steps)?)
    }

    /// x_0 from x_t and the network's output (its first half).
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn clean_from_output(&self, output: &Tensor, noisy: &Tensor, steps: &[usize]) -> Result<Tensor> {
        self.preconditioned(steps)?.clean(output, &self.at_unit_signal(noisy, steps)?)
    }

    /// `x_0 + sigma n` from x_t.
    fn at_unit_signal(&self, noisy: &Tensor, steps: &[usize]) -> Result<Tensor> {
        self.scaled(noisy, steps, |step| 1.0 / step.abar.sqrt())
    }

    /// The noise in x_t when the image is x_0.
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn noise_from_clean(&self, clean: &Tensor, noisy: &Tensor, steps: &[usize]) -> Result<Tensor> {
        let noisy = self.scaled(noisy, steps, |step| 1.0 / (1.0 - step.abar).sqrt())?;
        Ok(noisy.zip(&self.scaled(clean, steps, |step| 1.0 / step.sigma())?, |noisy, clean| noisy - clean)?)
    }

    /// Mean of `q(x_{t-1} | x_t, x_0)`.
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn posterior_mean(&self, clean: &Tensor, noisy: &Tensor, steps: &[usize]) -> Result<Tensor> {
        let clean = self.scaled(clean, steps, DiffusionStep::posterior_weight_of_clean)?;
        sum(&clean, &self.scaled(noisy, steps, DiffusionStep::posterior_weight_of_noisy)?)
    }

    /// `p(x_{t-1} | x_t)` from the network's whole output. `clip` clamps the predicted image to [-1, 1].
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn predict(&self, output: &Tensor, noisy: &Tensor, steps: &[usize], clip: bool) -> Result<Prediction> {
        let (output, interpolation) = self.split_output(output, noisy)?;
        let clean = self.clean_from_output(&output, noisy, steps)?;
        let clean = if clip { clean.map(|value| value.clamp(-1.0, 1.0)) } else { clean };
        let mean = self.posterior_mean(&clean, noisy, steps)?;
        let log_variance = self.log_variance(interpolation.as_ref(), noisy, steps)?;
        Ok(Prediction { clean, mean, log_variance })
    }

    /// The output proper and, with a learned variance, the interpolation.
    pub(crate) fn split_output(&self, output: &Tensor, noisy: &Tensor) -> Result<(Tensor, Option<Tensor>)> {
        let ([_, channels, ..], [_, got, ..]) =
            (noisy.image_shape("noisy image")?, output.image_shape("network output")?);
        match self.config.variance {
            Variance::LearnedRange if got == 2 * channels => {
                Ok((output.channels(0, channels)?, Some(output.channels(channels, channels)?)))
            }
            Variance::FixedSmall | Variance::FixedLarge if got == channels => Ok((output.clone(), None)),
            // Fixed in the process, learned by the network: the second half is not looked at.
            Variance::FixedSmall | Variance::FixedLarge if got == 2 * channels => {
                Ok((output.channels(0, channels)?, None))
            }
            variance => {
                let expected = format!("channels that fit an image of {channels} and the variance {variance:?}");
                Err(Error::setting("network output", expected, got))
            }
        }
    }

    fn log_variance(&self, interpolation: Option<&Tensor>, noisy: &Tensor, steps: &[usize]) -> Result<Tensor> {
        let small = self.per_image(steps, |step| step.posterior_log_variance)?;
        let large = self.per_image(steps, |step| step.beta.ln())?;
        let ones = Tensor::filled(noisy.shape(), 1.0);
        let Some(interpolation) = interpolation else {
            let log_variance = match self.config.variance {
                Variance::FixedLarge => self.per_image(steps, |step| match step.previous_abar {
                    1.0 => step.posterior_log_variance,
                    _ => step.beta.ln(),
                })?,
                _ => small,
            };
            return Ok(ones.scaled(|image, _| log_variance[image])?);
        };
        let share = interpolation.map(|value| (value + 1.0) * 0.5);
        let above = share.scaled(|image, _| large[image] - small[image])?;
        sum(&above, &ones.scaled(|image, _| small[image])?)
    }

    /// x_{t-1} of the full random process (Ho et al. 2020). The last step is the mean.
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn ddpm_step(&self, prediction: &Prediction, steps: &[usize], noise: &Tensor) -> Result<Tensor> {
        let noise = prediction.log_variance.zip(noise, |log_variance, noise| (log_variance * 0.5).exp() * noise)?;
        let noise = self.scaled(&noise, steps, |step| if step.previous_abar < 1.0 { 1.0 } else { 0.0 })?;
        sum(&prediction.mean, &noise)
    }

    /// x_{t-1} of the implicit process (Song et al. 2021); `eta` 0 is deterministic, 1 has the DDPM's noise.
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn ddim_step(
        &self,
        clean: &Tensor,
        noisy: &Tensor,
        steps: &[usize],
        eta: f64,
        noise: &Tensor,
    ) -> Result<Tensor> {
        let deviation = |step: &DiffusionStep| eta * step.posterior_variance.sqrt();
        let predicted_noise = self.noise_from_clean(clean, noisy, steps)?;
        let direction = |step: &DiffusionStep| (1.0 - step.previous_abar - deviation(step).powi(2)).max(0.0).sqrt();
        let signal = self.scaled(clean, steps, |step| step.previous_abar.sqrt())?;
        let directed = self.scaled(&predicted_noise, steps, direction)?;
        sum(&sum(&signal, &directed)?, &self.scaled(noise, steps, deviation)?)
    }

    fn step(&self, index: usize) -> Result<&DiffusionStep> {
        let expected = || format!("an index below {}", self.steps.len());
        self.steps.get(index).ok_or_else(|| Error::setting("diffusion step", expected(), index))
    }

    /// A number for each image.
    pub(crate) fn per_image(&self, steps: &[usize], value: impl Fn(&DiffusionStep) -> f64) -> Result<Vec<f32>> {
        steps.iter().map(|step| Ok(value(self.step(*step)?) as f32)).collect()
    }

    fn scaled(&self, x: &Tensor, steps: &[usize], factor: impl Fn(&DiffusionStep) -> f64) -> Result<Tensor> {
        let [images, ..] = x.image_shape("diffusion step")?;
        if images != steps.len() {
            return Err(Error::setting("diffusion step", format!("one for each of {images} images"), steps.len()));
        }
        let factors = self.per_image(steps, factor)?;
        Ok(x.scaled(|image, _| factors[image])?)
    }
}

fn sum(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    Ok(a.zip(b, |a, b| a + b)?)
}

#[cfg(test)]
#[path = "gaussian_diffusion_tests.rs"]
mod tests;
