//! A training image with its noise.

use diph_core::Rng;
use ndarray::{Array3, Axis, s};
use num_complex::Complex32;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

use super::random_streams::Stream;
use super::{NoiseLevels, TrainingConfig, TrainingSample};
use crate::diffusion::WienerSkip;
use crate::{Error, GaussianDiffusion, LogNormalSigma, Result, TimestepSampler};

/// How noisy an image is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NoiseLevel {
    /// `x_0 + sigma n`.
    Sigma(f64),
    /// Index into the diffusion's steps, `sqrt(abar) (x_0 + sigma n)`.
    Step(usize),
    /// Of a network that is told this time and sees planes.
    Time(f64),
}

/// A training image as real channels (2 K, y, x), with everything random about it drawn.
#[derive(Debug)]
pub(super) struct PreparedSample {
    pub number: u64,
    /// Height and width.
    pub size: [usize; 2],
    /// The image, or with the parametrisation `gaussian` what the network should answer.
    pub clean: Vec<f32>,
    /// The noisy image, or with the parametrisation `gaussian` what the network sees.
    pub noisy: Vec<f32>,
    pub condition: Option<Vec<f32>>,
    pub level: NoiseLevel,
    /// What the loss is multiplied with.
    pub weight: f64,
}

impl PreparedSample {
    /// An image after a check, with the noise of its number.
    pub fn new(
        config: &TrainingConfig,
        diffusion: &GaussianDiffusion,
        sampler: &TimestepSampler,
        number: u64,
        sample: &TrainingSample,
    ) -> Result<Self> {
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
            NoiseLevel::Time(_) => (1.0, 0.0),
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
        let size = [shape[1], shape[2]];
        Ok(Self { number, size, clean, noisy, condition, level, weight })
    }

    /// The same with the parametrisation `gaussian`: noise is added to the whole image, of which a square is cut and, every other time,
    /// turned.
    pub fn of_planes(
        config: &TrainingConfig,
        skip: &WienerSkip,
        sampler: &TimestepSampler,
        number: u64,
        sample: &TrainingSample,
    ) -> Result<Self> {
        let fault = |error: Error| Error::sample(number, error);
        let shape = check_shape(config, &sample.clean).map_err(fault)?;
        let conditional = config.model.condition.is_some();
        let base = sample.condition.as_ref().filter(|_| conditional);
        check_condition("condition", conditional, shape, base).map_err(fault)?;
        check_finite("image", &sample.clean).map_err(fault)?;
        let mut rng = Stream::Sample(number).rng(config.seed);
        let (NoiseLevel::Sigma(sigma), weight) = draw_level(config, sampler, &mut rng) else {
            return Err(fault(Error::setting("noise_levels", "log_normal", "timesteps")));
        };
        let mut draw = || -> f32 { StandardNormal.sample(&mut rng) };
        let noisy = sample.clean.mapv(|value| value + Complex32::new(draw(), draw()) * sigma as f32);
        let view = skip.view(noisy.view(), sigma, base.map(|image| image.view()));
        let target = view.target(sample.clean.view());

        let [_, height, width] = shape;
        let side = |length: usize| config.crop.unwrap_or(length);
        let (rows, columns) = (side(height), side(width));
        if rows > height || columns > width {
            let expected = format!("at least {rows} x {columns} pixels");
            return Err(fault(Error::setting("size of the image", expected, format!("{height} x {width}"))));
        }
        let (y, x) = (rng.random_range(0..=height - rows), rng.random_range(0..=width - columns));
        let turned = config.reuse.is_some() && rng.random();
        let cut = |planes: &Array3<f32>| {
            let mut square = planes.slice(s![.., y..y + rows, x..x + columns]).to_owned();
            if turned {
                turn_conjugate(&mut square);
            }
            square.iter().copied().collect()
        };
        let (clean, noisy) = (cut(&target), cut(&view.planes));
        let level = NoiseLevel::Time(view.time);
        Ok(Self { number, size: [rows, columns], clean, noisy, condition: None, level, weight })
    }

    /// The timestep, if the noise level is that of one.
    pub fn step(&self) -> Option<usize> {
        match self.level {
            NoiseLevel::Sigma(_) | NoiseLevel::Time(_) => None,
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
    check_condition("condition", config.model.unet.conditional, shape, image)?;
    image.filter(|_| config.model.unet.conditional).map(|image| channels("condition", image)).transpose()
}

/// Fails where a condition that the network wants is missing or of another shape.
fn check_condition(role: &str, wanted: bool, shape: [usize; 3], image: Option<&Array3<Complex32>>) -> Result<()> {
    match (wanted, image) {
        (false, _) => Ok(()),
        (true, None) => Err(Error::setting(role, "an image (conditional network)", "none")),
        (true, Some(image)) if image.shape() != shape => {
            Err(Error::setting(format!("shape of the {role}"), format!("{shape:?}"), format!("{:?}", image.shape())))
        }
        (true, Some(_)) => Ok(()),
    }
}

/// Fails on an image with values that are not finite.
fn check_finite(role: &str, image: &Array3<Complex32>) -> Result<()> {
    match image.iter().find(|value| !(value.re.is_finite() && value.im.is_finite())) {
        Some(value) => Err(Error::setting(role, "finite values", value)),
        None => Ok(()),
    }
}

/// Turns planes by 180 degrees and conjugates them: k-space at the same positions becomes its conjugate, so that this is as probable a
/// measurement as the image itself, artefacts included.
fn turn_conjugate(planes: &mut Array3<f32>) {
    planes.invert_axis(Axis(1));
    planes.invert_axis(Axis(2));
    for (index, mut plane) in planes.axis_iter_mut(Axis(0)).enumerate() {
        if index % 2 == 1 {
            plane.mapv_inplace(|value| -value);
        }
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
