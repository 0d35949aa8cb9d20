//! A training image with its noise.

use diph_core::Rng;
use ndarray::Array3;
use num_complex::Complex32;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::random_streams::Stream;
use super::{NoiseLevels, SampleSource, TrainingConfig};
use crate::{Error, GaussianDiffusion, LogNormalSigma, Result, TimestepSampler};

/// How noisy an image is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NoiseLevel {
    /// `x_0 + sigma n`.
    Sigma(f64),
    /// Index into the diffusion's steps, `sqrt(abar) (x_0 + sigma n)`.
    Step(usize),
}

/// A training image as real channels (2 K, y, x), with everything random about it drawn.
#[derive(Debug)]
pub(super) struct PreparedSample {
    pub number: u64,
    /// K, y, x.
    pub shape: [usize; 3],
    pub clean: Vec<f32>,
    pub noisy: Vec<f32>,
    pub condition: Option<Vec<f32>>,
    pub level: NoiseLevel,
    /// What the loss is multiplied with.
    pub weight: f64,
}

impl PreparedSample {
    /// Image `number` of the source, after a check, with the noise of its number.
    pub fn new(
        config: &TrainingConfig,
        diffusion: &GaussianDiffusion,
        sampler: &TimestepSampler,
        source: &dyn SampleSource,
        number: u64,
    ) -> Result<Self> {
        let sample = source.sample(number)?;
        let fault = |error: Error| Error::sample(number, error);
        let shape = check_shape(config, &sample.clean).map_err(fault)?;
        let clean = channels("image", &sample.clean).map_err(fault)?;
        let condition = condition(config, shape, sample.condition.as_ref()).map_err(fault)?;

        let mut rng = Stream::Sample(number).rng(config.seed);
        let (level, weight) = draw_level(config, sampler, &mut rng);
        let is_dropped = rng.random::<f32>() < config.condition_dropout;
        let condition = condition.map(|condition| if is_dropped { vec![0.0; condition.len()] } else { condition });
        let (signal, deviation) = match level {
            NoiseLevel::Sigma(sigma) => (1.0, sigma as f32),
            NoiseLevel::Step(step) => {
                let abar = diffusion.steps()[step].abar;
                (abar.sqrt() as f32, (1.0 - abar).sqrt() as f32)
            }
        };
        let mut add_noise = |value: &f32| {
            let noise: f32 = StandardNormal.sample(&mut rng);
            signal * value + deviation * noise
        };
        let noisy = clean.iter().map(&mut add_noise).collect();
        Ok(Self { number, shape, clean, noisy, condition, level, weight })
    }

    /// The timestep, if the noise level is that of one.
    pub fn step(&self) -> Option<usize> {
        match self.level {
            NoiseLevel::Sigma(_) => None,
            NoiseLevel::Step(step) => Some(step),
        }
    }
}

fn draw_level(config: &TrainingConfig, sampler: &TimestepSampler, rng: &mut Rng) -> (NoiseLevel, f64) {
    match config.noise_levels() {
        NoiseLevels::LogNormal(levels) => (NoiseLevel::Sigma(LogNormalSigma::draw(&levels, rng)), 1.0),
        NoiseLevels::Timesteps { .. } => {
            let draw = sampler.draw(rng);
            (NoiseLevel::Step(draw.step), draw.weight)
        }
    }
}

fn check_shape(config: &TrainingConfig, image: &Array3<Complex32>) -> Result<[usize; 3]> {
    let (coefficients, height, width) = image.dim();
    if coefficients != config.model.unet.coefficients || height == 0 || width == 0 {
        let expected = format!("({}, y, x)", config.model.unet.coefficients);
        return Err(Error::setting("shape of the image", expected, format!("{:?}", image.dim())));
    }
    Ok([coefficients, height, width])
}

/// The condition as channels, if the network is conditional.
fn condition(
    config: &TrainingConfig,
    shape: [usize; 3],
    image: Option<&Array3<Complex32>>,
) -> Result<Option<Vec<f32>>> {
    match (config.model.unet.conditional, image) {
        (false, _) => Ok(None),
        (true, None) => Err(Error::setting("condition", "an image (conditional network)", "none")),
        (true, Some(image)) if image.shape() != shape => {
            Err(Error::setting("shape of the condition", format!("{shape:?}"), format!("{:?}", image.shape())))
        }
        (true, Some(image)) => channels("condition", image).map(Some),
    }
}

/// Real channels re_0, im_0, re_1, im_1, ...
fn channels(role: &str, image: &Array3<Complex32>) -> Result<Vec<f32>> {
    let mut channels = Vec::with_capacity(2 * image.len());
    for coefficient in image.outer_iter() {
        channels.extend(coefficient.iter().map(|value| value.re));
        channels.extend(coefficient.iter().map(|value| value.im));
    }
    match channels.iter().position(|value| !value.is_finite()) {
        Some(index) => {
            Err(Error::setting(role, "finite values", format!("{} in channel value {index}", channels[index])))
        }
        None => Ok(channels),
    }
}
