//! The network as a denoiser.

use diph_gaussian::Spectrum;
use diph_network::{Network, Precision, Tensor, UNet};
use ndarray::{Array3, ArrayView3, s};
use num_complex::Complex32;

use crate::diffusion::WienerSkip;
use crate::{Checkpoint, Error, GaussianDiffusion, ModelConfig, PreconditionedBatch, Result};

/// A network that takes an image at a noise level and gives the image without noise.
pub struct Denoiser {
    config: ModelConfig,
    network: Box<dyn Network>,
    diffusion: GaussianDiffusion,
    /// With the parametrisation `gaussian`.
    skip: Option<WienerSkip>,
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
        let gaussian = config.diffusion.parametrisation.gaussian();
        let skip = gaussian.map(|skip| WienerSkip::new(skip, config.unet.coefficients)).transpose()?;
        Ok(Self { config, network, diffusion, skip })
    }

    /// The configuration that the network was trained with.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// The diffusion with every timestep.
    pub fn diffusion(&self) -> &GaussianDiffusion {
        &self.diffusion
    }

    /// Whether it takes whole images, as [`Denoiser::denoise_image`] does: with the parametrisation `gaussian`.
    pub(crate) fn takes_images(&self) -> bool {
        self.skip.is_some()
    }

    /// The covariance of the parametrisation `gaussian`.
    pub(crate) fn spectrum(&self) -> Option<&Spectrum> {
        self.skip.as_ref().map(WienerSkip::spectrum)
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
        let one = self.config.diffusion.parametrisation.preconditioning(abar, time)?;
        let batch = PreconditionedBatch::new(vec![one; noisy.shape().first().copied().unwrap_or_default()]);
        let input = batch.input(noisy)?;
        let output = self.network.infer(&input, &batch.times(), condition)?;
        let (output, _) = self.diffusion.split_output(&output, noisy)?;
        batch.clean(&output, noisy)
    }

    /// Predicted x_0 of `noisy = x_0 + sigma n`, both (coefficient, y, x) of any size, with the parametrisation `gaussian`: the network sees
    /// planes that are surrounded by their edge up to a size that its levels divide.
    pub(crate) fn denoise_image(
        &self,
        noisy: ArrayView3<'_, Complex32>,
        sigma: f64,
        condition: Option<ArrayView3<'_, Complex32>>,
    ) -> Result<Array3<Complex32>> {
        let Some(skip) = &self.skip else {
            return Err(Error::setting("diffusion.parametrisation", "gaussian", "another"));
        };
        let view = skip.view(noisy, sigma, condition);
        let factor = self.config.unet.size_factor()?;
        let (planes, height, width) = view.planes.dim();
        let [padded_height, padded_width] = [height, width].map(|length| length.next_multiple_of(factor));
        let padded = Array3::from_shape_fn((planes, padded_height, padded_width), |(plane, y, x)| {
            view.planes[[plane, y.min(height - 1), x.min(width - 1)]]
        });
        let input = Tensor::new([1, planes, padded_height, padded_width], padded.into_raw_vec_and_offset().0)?;
        let output = self.network.infer(&input, &[view.time as f32], None)?;
        let shape = (2 * self.config.unet.coefficients, padded_height, padded_width);
        let answer = ArrayView3::from_shape(shape, output.values())
            .map_err(|error| Error::setting("network output", format!("values of shape {shape:?}"), error))?;
        Ok(view.clean(answer.slice(s![.., ..height, ..width])))
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
