//! Preconditionings of the images of a batch.

use diph_network::Tensor;

use super::{CoefficientPreconditioning, Preconditioning};
use crate::{Error, Result};

/// One preconditioning for each image of a batch, at any noise levels. Tensors are (batch, channel, y, x); `noisy` is
/// `x_0 + sigma n`.
///
/// ```
/// use diph_diffusion::{LogNormalSigma, Parametrisation, PreconditionedBatch};
/// use diph_network::Tensor;
///
/// let clean = Tensor::filled([2, 4, 8, 8], 1.0);
/// let parametrisation = Parametrisation::Edm { sigma_data: vec![1.0, 0.1].into() };
/// let level = |sigma| parametrisation.preconditioning(LogNormalSigma::abar(sigma), 0.0);
/// let batch = PreconditionedBatch::new([level(0.1)?, level(2.0)?]);
/// let target = batch.target(&clean, &clean)?;
/// assert!(batch.difference(&target, &clean, &clean)?.values().iter().all(|difference| *difference == 0.0));
/// # Ok::<(), diph_diffusion::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PreconditionedBatch {
    images: Vec<Preconditioning>,
}

impl PreconditionedBatch {
    /// The preconditionings of a batch, one for each image in its order.
    pub fn new(images: impl IntoIterator<Item = Preconditioning>) -> Self {
        Self { images: images.into_iter().collect() }
    }

    /// What the network is told as time, image by image.
    pub fn times(&self) -> Vec<f32> {
        self.images.iter().map(|image| image.time as f32).collect()
    }

    /// The network's input.
    ///
    /// # Errors
    /// When the number of images does not fit.
    pub fn input(&self, noisy: &Tensor) -> Result<Tensor> {
        self.scaled(noisy, |channel| channel.input)
    }

    /// What the network's output (its first half) should be.
    ///
    /// # Errors
    /// When the shapes or the number of images do not fit.
    pub fn target(&self, clean: &Tensor, noisy: &Tensor) -> Result<Tensor> {
        let residual = clean.zip(&self.scaled(noisy, |channel| channel.skip)?, |clean, skipped| clean - skipped)?;
        self.scaled(&residual, |channel| 1.0 / channel.output)
    }

    /// x_0 from the network's output (its first half).
    ///
    /// # Errors
    /// When the shapes or the number of images do not fit.
    pub fn clean(&self, output: &Tensor, noisy: &Tensor) -> Result<Tensor> {
        let skipped = self.scaled(noisy, |channel| channel.skip)?;
        Ok(skipped.zip(&self.scaled(output, |channel| channel.output)?, |skipped, output| skipped + output)?)
    }

    /// What the network's output lacks to its target. Its mean square is, with EDM's preconditioning, EDM's weighted loss: the weights
    /// `(sigma^2 + sigma_data^2) / (sigma sigma_data)^2`, those of each coefficient, cancel the scale of the output.
    ///
    /// # Errors
    /// When the shapes or the number of images do not fit.
    pub fn difference(&self, output: &Tensor, clean: &Tensor, noisy: &Tensor) -> Result<Tensor> {
        Ok(output.zip(&self.target(clean, noisy)?, |output, target| output - target)?)
    }

    fn scaled(&self, x: &Tensor, factor: impl Fn(&CoefficientPreconditioning) -> f64) -> Result<Tensor> {
        let [images, channels, ..] = x.image_shape("preconditioning")?;
        if images != self.images.len() {
            let expected = format!("one for each of {images} images");
            return Err(Error::setting("preconditioning", expected, self.images.len()));
        }
        let mut factors = Vec::with_capacity(images * channels);
        for image in &self.images {
            factors.extend(image.channels(channels)?.iter().map(|channel| factor(channel) as f32));
        }
        Ok(x.scaled(|image, channel| factors[image * channels + channel])?)
    }
}
