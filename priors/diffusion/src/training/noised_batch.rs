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
}

impl NoisedBatch {
    /// Joins images, which all have the shape of the first.
    pub fn new(config: &TrainingConfig, samples: &[PreparedSample]) -> Result<Self> {
        let shape = samples.first().map_or([0; 3], |sample| sample.shape);
        if let Some(other) = samples.iter().find(|sample| sample.shape != shape) {
            let expected = format!("{shape:?}, as that of the images before");
            let fault = Error::setting("shape of the image", expected, format!("{:?}", other.shape));
            return Err(Error::sample(other.number, fault));
        }
        let conditions: Option<Vec<&[f32]>> = samples.iter().map(|sample| sample.condition.as_deref()).collect();
        let weights: Vec<f32> = samples.iter().map(|sample| sample.weight as f32).collect();
        Ok(Self {
            clean: stack(shape, samples.iter().map(|sample| sample.clean.as_slice()))?,
            noisy: stack(shape, samples.iter().map(|sample| sample.noisy.as_slice()))?,
            condition: conditions.map(|conditions| stack(shape, conditions.into_iter())).transpose()?,
            levels: Levels::new(config, samples),
            weights,
        })
    }

    /// The network's input and its time for each image.
    pub fn network_input(&self, diffusion: &GaussianDiffusion) -> Result<(Tensor, Vec<f32>)> {
        match &self.levels {
            Levels::Any(batch) => Ok((batch.input(&self.noisy)?, batch.times())),
            Levels::Steps(steps) => diffusion.network_input(&self.noisy, steps),
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
            Levels::Steps(steps) => {
                let loss = Loss::new(diffusion, output, &self.clean, &self.noisy, steps)?;
                Ok((loss.hybrid(bound_weight), loss.gradient(&weights, bound_weight)?))
            }
        }
    }
}

impl Levels {
    fn new(config: &TrainingConfig, samples: &[PreparedSample]) -> Self {
        let steps: Option<Vec<usize>> = samples.iter().map(PreparedSample::step).collect();
        steps.map_or_else(
            || {
                let parametrisation = &config.model.diffusion.parametrisation;
                let one = |sigma: f64| parametrisation.preconditioning(LogNormalSigma::abar(sigma), 0.0);
                let sigmas = samples.iter().filter_map(|sample| match sample.level {
                    NoiseLevel::Sigma(sigma) => Some(sigma),
                    NoiseLevel::Step(_) => None,
                });
                Self::Any(PreconditionedBatch::new(sigmas.map(one)))
            },
            Self::Steps,
        )
    }
}

/// Channels (2 K, y, x) of several images as (batch, 2 K, y, x).
fn stack<'a>(
    [coefficients, height, width]: [usize; 3],
    images: impl ExactSizeIterator<Item = &'a [f32]>,
) -> Result<Tensor> {
    let shape = [images.len(), 2 * coefficients, height, width];
    let values = images.collect::<Vec<_>>().concat();
    Ok(Tensor::new(shape, values)?)
}
