//! Noisy images on their way through the network.

use diph_network::Tensor;

use super::TrainingConfig;
use super::prepared_sample::{NoiseLevel, PreparedSample};
use crate::diffusion::{mean_squares, square_gradient};
use crate::{Error, GaussianDiffusion, LogNormalSigma, Loss, PreconditionedBatch, Result};

/// The images of a microbatch as tensors (batch, 2 K, y, x).
pub(super) struct NoisedBatch {
    clean: Tensor,
    noisy: Tensor,
    /// The condition images of a conditional network.
    pub condition: Option<Tensor>,
    levels: Levels,
    /// Weight of each image's loss.
    weights: Vec<f32>,
}

enum Levels {
    Any(PreconditionedBatch),
    Steps(Vec<usize>),
    /// The network sees planes and is told these times; its target is there already.
    Times(Vec<f32>),
}

impl NoisedBatch {
    /// Joins images, which all have the shape of the first.
    pub fn new(config: &TrainingConfig, samples: &[PreparedSample]) -> Result<Self> {
        let size = samples.first().map_or([0; 2], |sample| sample.size);
        if let Some(other) = samples.iter().find(|sample| sample.size != size) {
            let expected = format!("{size:?}, as that of the images before");
            let fault = Error::setting("size of the image", expected, format!("{:?}", other.size));
            return Err(Error::sample(other.number, fault));
        }
        let conditions: Option<Vec<&[f32]>> = samples.iter().map(|sample| sample.condition.as_deref()).collect();
        let weights: Vec<f32> = samples.iter().map(|sample| sample.weight as f32).collect();
        Ok(Self {
            clean: stack(size, samples.iter().map(|sample| sample.clean.as_slice()))?,
            noisy: stack(size, samples.iter().map(|sample| sample.noisy.as_slice()))?,
            condition: conditions.map(|conditions| stack(size, conditions.into_iter())).transpose()?,
            levels: Levels::new(config, samples)?,
            weights,
        })
    }

    /// The network's input and its time for each image.
    pub fn network_input(&self, diffusion: &GaussianDiffusion) -> Result<(Tensor, Vec<f32>)> {
        match &self.levels {
            Levels::Any(batch) => Ok((batch.input(&self.noisy)?, batch.times())),
            Levels::Steps(steps) => diffusion.network_input(&self.noisy, steps),
            Levels::Times(times) => Ok((self.noisy.clone(), times.clone())),
        }
    }

    /// The loss of each image without weight, and the gradient of `scale` times their weighted sum with respect to the output.
    pub fn losses(
        &self,
        diffusion: &GaussianDiffusion,
        output: &Tensor,
        bound_weight: f64,
        scale: f64,
    ) -> Result<(Vec<f32>, Tensor)> {
        let weights: Vec<f32> = self.weights.iter().map(|weight| scale as f32 * weight).collect();
        match &self.levels {
            Levels::Any(batch) => {
                let (proper, _) = diffusion.split_output(output, &self.noisy)?;
                let difference = batch.difference(&proper, &self.clean, &self.noisy)?;
                let gradient = square_gradient(&difference, &weights)?;
                // Nothing trains what the loss does not look at.
                let unused = output.shape()[1] - gradient.shape()[1];
                let [batch, _, height, width] = gradient.image_shape("loss")?;
                let gradient = gradient.joined(&Tensor::filled([batch, unused, height, width], 0.0))?;
                Ok((mean_squares(&difference), gradient))
            }
            Levels::Times(_) => {
                let difference = output.zip(&self.clean, |output, target| output - target)?;
                let gradient = square_gradient(&difference, &weights)?;
                Ok((mean_squares(&difference), gradient))
            }
            Levels::Steps(steps) => {
                let loss = Loss::new(diffusion, output, &self.clean, &self.noisy, steps)?;
                Ok((loss.hybrid(bound_weight), loss.gradient(&weights, bound_weight)?))
            }
        }
    }
}

impl Levels {
    fn new(config: &TrainingConfig, samples: &[PreparedSample]) -> Result<Self> {
        let parametrisation = &config.model.diffusion.parametrisation;
        let (mut steps, mut times, mut preconditionings) = (Vec::new(), Vec::new(), Vec::new());
        for sample in samples {
            match sample.level {
                NoiseLevel::Step(step) => steps.push(step),
                NoiseLevel::Time(time) => times.push(time as f32),
                NoiseLevel::Sigma(sigma) => {
                    preconditionings.push(parametrisation.preconditioning(LogNormalSigma::abar(sigma), 0.0)?);
                }
            }
        }
        Ok(match (steps.is_empty(), times.is_empty()) {
            (false, _) => Self::Steps(steps),
            (_, false) => Self::Times(times),
            (true, true) => Self::Any(PreconditionedBatch::new(preconditionings)),
        })
    }
}

/// Channels (channel, y, x) of several images as (batch, channel, y, x).
fn stack<'a>([height, width]: [usize; 2], images: impl ExactSizeIterator<Item = &'a [f32]>) -> Result<Tensor> {
    let count = images.len();
    let values = images.collect::<Vec<_>>().concat();
    let channels = values.len() / (count * height * width).max(1);
    Ok(Tensor::new([count, channels, height, width], values)?)
}
