//! The prior of Diph's solvers.

use std::path::Path;

use diph_core::{GaussianRoot, ImageShape, NoiseSchedule, Prior, PriorContext, View, ViewMut};
use diph_gaussian::GaussianPrior;
use diph_network::Tensor;
use ndarray::{ArrayView3, Ix3};
use num_complex::Complex32;
use rand_distr::{Distribution, StandardNormal};

use crate::image_channels::ImageChannels;
use crate::{Checkpoint, Denoiser, Error, ModelConfig, PriorOptions, Respacing, Result};

/// Beyond it lies no image, only a slip of the keyboard.
const MAX_SIZE: usize = 4096;

/// A diffusion model as image prior: returns its predicted x_0.
///
/// Images are (coefficient, y, x) in units in which the intensity is 1. The network's canvas is square, by default the largest
/// that its levels allow inside of the image's longer side: 224 for an image of 230 x 230. What lies outside of the canvas is
/// cropped at the centre, and x_0 is 0 there; an image smaller than the canvas is surrounded by noise of the same level, as an
/// empty background would be. A network with the parametrisation `gaussian` sees all of the image, whatever its size.
///
/// In an annealed run the noise level is the context's schedule entry; otherwise it is `sigma`, for which the nearest
/// timestep of the training schedule is taken. A conditional network takes its condition image from the context, in
/// units of the intensity too; where its checkpoint has a factor for conditions, the prior changes the units.
pub struct DiffusionPrior {
    denoiser: Denoiser,
    options: PriorOptions,
    respacing: Option<Respacing>,
    condition: ConditionUse,
    /// Multiple of which height and width of the canvas must be.
    factor: usize,
}

/// What a network gets as condition.
enum ConditionUse {
    /// Nothing: the network is unconditional.
    None,
    /// Zeros.
    Zeros,
    /// The image of this name.
    Image(String),
}

impl ConditionUse {
    /// The name of a condition image that nobody has named.
    const DEFAULT_NAME: &'static str = "low_res";

    fn new(config: &ModelConfig, options: &PriorOptions) -> Result<Self> {
        match (config.unet.conditional || config.condition.is_some(), options.use_condition) {
            (false, Some(true)) => {
                Err(Error::setting("use_condition", "false or nothing (the network is unconditional)", true))
            }
            (false, _) => Ok(Self::None),
            (true, Some(false)) if config.condition_optional => Ok(Self::Zeros),
            (true, Some(false)) => {
                let expected = "true or nothing (the network was never trained without its condition)";
                Err(Error::setting("use_condition", expected, false))
            }
            (true, _) => {
                let name = options.condition.as_ref().or(config.condition.as_ref());
                Ok(Self::Image(name.map_or_else(|| Self::DEFAULT_NAME.into(), String::clone)))
            }
        }
    }
}

impl DiffusionPrior {
    const NAME: &'static str = "diffusion";

    /// The prior of a checkpoint.
    ///
    /// # Errors
    /// When the configuration does not fit the weights, or an option is out of range.
    pub fn new(checkpoint: &Checkpoint, options: PriorOptions) -> Result<Self> {
        Self::of_denoiser(Denoiser::new(checkpoint, options.precision)?, options)
    }

    /// The prior of a denoiser, whose network may run anywhere; the option `precision` was for who made it.
    ///
    /// # Errors
    /// When an option is out of range.
    pub fn of_denoiser(denoiser: Denoiser, options: PriorOptions) -> Result<Self> {
        let config = denoiser.config();
        let respacing = options.respacing.as_deref().map(str::parse::<Respacing>).transpose()?;
        if let Some(respacing) = &respacing {
            respacing.timesteps(config.diffusion.steps)?;
        }
        let factor = config.unet.size_factor()?;
        if let Some(size) = options.image_size.filter(|_| denoiser.takes_images()) {
            let expected = "none (the network sees all of the image, whatever its size)";
            return Err(Error::setting("image_size", expected, size));
        }
        if let Some(size) = options.image_size
            && (size == 0 || size > MAX_SIZE || !size.is_multiple_of(factor))
        {
            let expected = format!("a multiple of {factor} (patch and levels of the network) up to {MAX_SIZE}");
            return Err(Error::setting("image_size", expected, size));
        }
        let condition = ConditionUse::new(config, &options)?;
        Ok(Self { denoiser, options, respacing, condition, factor })
    }

    /// The prior of a checkpoint file, see [`Checkpoint::read`].
    ///
    /// # Errors
    /// As [`Checkpoint::read`] and [`DiffusionPrior::new`].
    pub fn from_file(path: impl AsRef<Path>, options: PriorOptions) -> Result<Self> {
        Self::new(&Checkpoint::read(path)?, options)
    }

    /// The denoiser that this prior wraps.
    pub fn denoiser(&self) -> &Denoiser {
        &self.denoiser
    }

    fn layout(&self, role: &str, shape: &[usize]) -> diph_core::Result<ImageChannels> {
        let config = &self.denoiser.config().unet;
        ImageChannels::new(Self::NAME, role, shape, config.coefficients, self.canvas(shape))
    }

    /// Height and width of the network's canvas for an image (coefficient, y, x).
    fn canvas(&self, shape: &[usize]) -> usize {
        let longer = shape.iter().skip(1).copied().max().unwrap_or_default();
        self.options.image_size.unwrap_or_else(|| (longer - longer % self.factor).max(self.factor))
    }

    /// The condition image as channels; `None` for an unconditional network.
    fn condition(&self, context: &PriorContext<'_>, noisy: &View<'_>) -> diph_core::Result<Option<Tensor>> {
        let name = match &self.condition {
            ConditionUse::None => return Ok(None),
            ConditionUse::Zeros => {
                let size = self.canvas(noisy.shape());
                let shape = [1, self.denoiser.config().unet.image_channels(), size, size];
                return Ok(Some(Tensor::filled(shape, 0.0)));
            }
            ConditionUse::Image(name) => name,
        };
        let image = Self::condition_image(context, name)?;
        let layout = self.layout("condition image", image.shape())?;
        let condition = layout.to_network(Self::NAME, "condition image", &image.view(), || 0.0)?;
        let scale = self.denoiser.config().intensity.condition_scale();
        Ok(Some(condition.map(|value| value * scale as f32)))
    }

    fn condition_image<'c>(context: &'c PriorContext<'_>, name: &str) -> diph_core::Result<&'c View<'c>> {
        context.conditions.get(name).ok_or_else(|| {
            let names: Vec<&str> = context.conditions.keys().map(String::as_str).collect();
            diph_core::Error::incompatible(
                Self::NAME,
                format!("a condition image `{name}` (the network is conditional)"),
                format!("condition images {names:?}"),
            )
        })
    }

    /// Denoises an image (coefficient, y, x) as a whole, with the parametrisation `gaussian`.
    fn denoise_whole(
        &self,
        noisy: &View<'_>,
        sigma: f64,
        mut clean: ViewMut<'_>,
        context: &PriorContext<'_>,
    ) -> diph_core::Result<()> {
        let noisy_image = self.whole("noisy image", noisy, noisy.shape())?;
        let base = match &self.condition {
            ConditionUse::Image(name) => Some(Self::condition_image(context, name)?),
            ConditionUse::None | ConditionUse::Zeros => None,
        };
        let base = base.map(|image| self.whole("condition image", image, noisy.shape())).transpose()?;
        let predicted = self.denoiser.denoise_image(noisy_image, sigma, base)?;
        if clean.shape() != noisy.shape() {
            return Err(shape_error("denoised image", noisy.shape(), clean.shape()));
        }
        let clip = |value: f32| if self.options.clip_denoised { value.clamp(-1.0, 1.0) } else { value };
        let clipped = predicted.mapv_into(|value| Complex32::new(clip(value.re), clip(value.im)));
        check_finite("predicted image", clipped.iter())?;
        clean.assign(&clipped.into_dyn());
        Ok(())
    }

    /// An image of the shape (coefficient, y, x) that is given and has the network's coefficients.
    fn whole<'v>(
        &self,
        role: &str,
        image: &'v View<'_>,
        shape: &[usize],
    ) -> diph_core::Result<ArrayView3<'v, Complex32>> {
        let coefficients = self.denoiser.config().unet.coefficients;
        let expected: Vec<usize> = std::iter::once(coefficients).chain(shape.iter().skip(1).copied()).collect();
        let view = image.view().into_dimensionality::<Ix3>();
        let view = view.map_err(|_| shape_error(role, &expected, image.shape()))?;
        if image.shape() != expected || view.is_empty() {
            return Err(shape_error(role, &expected, image.shape()));
        }
        check_finite(role, image.iter())?;
        Ok(view)
    }
}

impl Prior for DiffusionPrior {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> diph_core::Result<Option<f64>> {
        let (abar, timestep) = match context.schedule {
            Some(entry) => (entry.abar, entry.timestep),
            None => {
                let sigma = f64::from(sigma);
                (1.0 / (1.0 + sigma * sigma), self.denoiser.timestep(sigma)?)
            }
        };
        if self.denoiser.takes_images() {
            self.denoise_whole(&noisy, ((1.0 - abar) / abar).sqrt(), clean, context)?;
            return Ok(None);
        }
        let layout = self.layout("noisy image", noisy.shape())?;
        let condition = self.condition(context, &noisy)?;
        let level = ((1.0 - abar) / abar).sqrt() as f32;
        let rng = &mut *context.rng;
        let mut draw = || -> f32 { StandardNormal.sample(&mut *rng) };
        let noisy = layout.to_network(Self::NAME, "noisy image", &noisy, || level * draw())?;
        let predicted = self.denoiser.denoise(&noisy, abar, timestep as f64, condition.as_ref())?;
        let clip = |value: f32| if self.options.clip_denoised { value.clamp(-1.0, 1.0) } else { value };
        let values: Vec<f32> = predicted.into_values().into_iter().map(clip).collect();
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let role = "predicted image".into();
            return Err(diph_core::Error::NotFinite { operation: Self::NAME.into(), role, index });
        }
        layout.to_image(Self::NAME, &values, clean)?;
        Ok(None)
    }

    /// With the parametrisation `gaussian` that of its images, or of their deviation from the condition image.
    fn gaussian_root(&self, coefficients: usize, image: &ImageShape) -> diph_core::Result<Option<GaussianRoot>> {
        match self.denoiser.spectrum() {
            Some(spectrum) => GaussianPrior::new(spectrum.clone(), 1.0)?.gaussian_root(coefficients, image),
            None => Ok(None),
        }
    }

    fn noise_schedule(&self, steps: usize) -> diph_core::Result<Option<NoiseSchedule>> {
        let respacing = self.respacing.clone().unwrap_or(Respacing::Sections(vec![steps]));
        let diffusion = self.denoiser.config().diffusion.respaced(&respacing)?;
        if steps == 0 || diffusion.steps().len() != steps {
            let expected = format!("steps that fit the respacing `{respacing}`, which has {}", diffusion.steps().len());
            return Err(diph_core::Error::parameter(Self::NAME, "steps", expected, steps));
        }
        Ok(Some(diffusion.noise_schedule()))
    }
}

fn shape_error(role: &str, expected: &[usize], got: &[usize]) -> diph_core::Error {
    diph_core::Error::Shape {
        operation: DiffusionPrior::NAME.into(),
        role: role.into(),
        expected: expected.to_vec(),
        got: got.to_vec(),
    }
}

fn check_finite<'v>(role: &str, mut values: impl Iterator<Item = &'v Complex32>) -> diph_core::Result<()> {
    match values.position(|value| !(value.re.is_finite() && value.im.is_finite())) {
        Some(index) => {
            Err(diph_core::Error::NotFinite { operation: DiffusionPrior::NAME.into(), role: role.into(), index })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "prior_tests.rs"]
mod tests;
