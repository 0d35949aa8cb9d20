//! The network as a denoiser.

use crate::{Checkpoint, Error, GaussianDiffusion, ModelConfig, PreconditionedBatch, Result};
use diph_network::{Network, Precision, Tensor, UNet};

/// A network that takes an image at a noise level and gives the image without noise.
pub struct Denoiser {
    config: ModelConfig,
    network: Box<dyn Network>,
    diffusion: GaussianDiffusion,
}

impl Denoiser {
    /// The denoiser of a checkpoint on the processor, with convolutions that multiply in this precision.
    ///
    /// # Errors
    /// When the configuration makes no model or does not fit the weights.
    pub fn new(checkpoint: &Checkpoint, precision: Precision) -> Result<Self> {
        checkpoint.config.check()?;
        let unet = UNet::with_precision(&checkpoint.config.unet, &checkpoint.parameters, precision)?;
        Self::with_network(checkpoint.config.clone(), Box::new(unet))
    }

    /// The denoiser of a configuration whose network runs elsewhere, on another device for example.
    ///
    /// # Errors
    /// When the configuration makes no model.
    pub fn with_network(config: ModelConfig, network: Box<dyn Network>) -> Result<Self> {
        config.check()?;
        let diffusion = config.diffusion.diffusion()?;
        Ok(Self { config, network, diffusion })
    }

    /// The whole configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The diffusion with every timestep.
    pub fn diffusion(&self) -> &GaussianDiffusion {
        &self.diffusion
    }

    /// Predicted x_0 of `noisy = x_0 + sigma n`, both (batch, 2 K, y, x), `sigma = sqrt((1 - abar) / abar)`.
    ///
    /// # Errors
    /// When a shape does not fit or abar is not between 0 and 1.
    pub fn denoise(&self, noisy: &Tensor, abar: f64, timestep: f64, condition: Option<&Tensor>) -> Result<Tensor> {
        if !(abar > 0.0 && abar < 1.0) {
            return Err(Error::setting("abar", "a number between 0 and 1", abar));
        }
        let time = self.diffusion.network_time(timestep);
        let one = self.config.diffusion.parametrisation.preconditioning(abar, time);
        let batch = PreconditionedBatch::new(vec![one; noisy.shape().first().copied().unwrap_or_default()]);
        let input = batch.input(noisy)?;
        let output = self.network.infer(&input, &batch.times(), condition)?;
        let (output, _) = self.diffusion.split_output(&output, noisy)?;
        batch.clean(&output, noisy)
    }

    /// The timestep of nearest noise level, on a logarithmic scale.
    ///
    /// # Errors
    /// When `sigma` is not a positive number.
    pub fn timestep(&self, sigma: f64) -> Result<usize> {
        if !(sigma.is_finite() && sigma > 0.0) {
            return Err(Error::setting("sigma", "a positive number", sigma));
        }
        let distance = |sigma_t: f64| (sigma_t / sigma).ln().abs();
        let steps = self.diffusion.steps().iter();
        let nearest = steps.min_by(|a, b| distance(a.sigma()).total_cmp(&distance(b.sigma())));
        Ok(nearest.map_or(0, |step| step.timestep))
    }
}
