//! Samples in use, and what is drawn from them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use diph_core::Rng;
use ndarray::{Array3, Axis, s};
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use super::{TrainingConfig, TrainingSettings};
use crate::{Error, RegressionConfig, Result, TARGETS};

/// A pair to learn from, made of one simulated measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Input planes (plane, y, x), see [`Features`](crate::Features).
    pub planes: Array3<f32>,
    /// Logarithm of the image's scale over that of typical ones.
    pub log_scale: f32,
    /// What the network is to answer, (plane, y, x), see [`target_planes`](crate::target_planes).
    pub target: Array3<f32>,
}

/// An endless row of samples. Sample number n is a function of n and of the source's own seed alone, which is what makes resuming
/// exact, and lets samples be made in parallel.
pub trait SampleSource: Sync {
    /// Sample number `number`.
    ///
    /// # Errors
    /// When it cannot be made; the pool adds its number.
    fn sample(&self, number: u64) -> Result<Sample>;
}

/// The samples in use. A sample costs as much time as a step of the network or more, so that each is used several times, cut out
/// elsewhere every time.
#[derive(Default)]
pub struct Pool {
    samples: BTreeMap<u64, Arc<Sample>>,
}

impl Pool {
    /// What step number `step` learns from; makes the samples that are missing.
    pub fn batch(&mut self, config: &TrainingConfig, source: &dyn SampleSource, step: u64) -> Result<Vec<Sample>> {
        let in_use = in_use(&config.settings, step);
        self.samples.retain(|number, _| in_use.contains(number));
        let missing: Vec<u64> = in_use.clone().filter(|number| !self.samples.contains_key(number)).collect();
        let made: Vec<Result<Sample>> = missing.par_iter().map(|number| checked(config, source, *number)).collect();
        for (number, sample) in missing.into_iter().zip(made) {
            self.samples.insert(number, Arc::new(sample?));
        }
        let batch = config.settings.batch as u64;
        let draws = step * batch..(step + 1) * batch;
        draws.map(|draw| self.draw(config, &in_use, draw)).collect()
    }

    /// A square out of one of the samples, turned upside down every other time.
    fn draw(&self, config: &TrainingConfig, in_use: &Range<u64>, draw: u64) -> Result<Sample> {
        let TrainingSettings { seed, crop, .. } = config.settings;
        let mut rng = Rng::seed_from_u64(seed);
        // Stream 0 is that of the initialisation.
        rng.set_stream(draw + 1);
        let number = rng.random_range(in_use.clone());
        let Some(sample) = self.samples.get(&number) else {
            return Err(Error::setting("sample", format!("{number} among those in use"), "none"));
        };
        let (_, height, width) = sample.planes.dim();
        let (y, x) = (rng.random_range(0..=height - crop), rng.random_range(0..=width - crop));
        let square = s![.., y..y + crop, x..x + crop];
        let mut cut = Sample {
            planes: sample.planes.slice(square).to_owned(),
            log_scale: sample.log_scale,
            target: sample.target.slice(square).to_owned(),
        };
        if rng.random() {
            turn_conjugate(&config.model, &mut cut);
        }
        Ok(cut)
    }
}

/// Numbers of the samples that are in use at a step.
fn in_use(settings: &TrainingSettings, step: u64) -> Range<u64> {
    let first_pool = (settings.pool / 4).max(settings.batch as u64);
    let end = first_pool + step * settings.batch as u64 / settings.uses;
    end.saturating_sub(settings.pool)..end
}

/// Turns a sample by 180 degrees and conjugates it: k-space at the same positions becomes its conjugate, so that this is as
/// probable a measurement as the sample itself, artefacts included.
fn turn_conjugate(model: &RegressionConfig, sample: &mut Sample) {
    for planes in [&mut sample.planes, &mut sample.target] {
        planes.invert_axis(Axis(1));
        planes.invert_axis(Axis(2));
        *planes = planes.as_standard_layout().into_owned();
    }
    let coefficients = model.coefficients();
    let first = RegressionConfig::input_planes(coefficients, false);
    let mut imaginary: Vec<usize> = (coefficients..2 * coefficients).collect();
    if model.is_second_stage() {
        imaginary.extend(first + coefficients..first + 2 * coefficients);
        imaginary.push(RegressionConfig::input_planes(coefficients, true) - 1);
    }
    for plane in imaginary {
        sample.planes.index_axis_mut(Axis(0), plane).mapv_inplace(|value| -value);
    }
    sample.target.index_axis_mut(Axis(0), TARGETS - 2).mapv_inplace(|value| -value);
}

/// The sample, after checking that it fits and is finite.
fn checked(config: &TrainingConfig, source: &dyn SampleSource, number: u64) -> Result<Sample> {
    let sample = source.sample(number).map_err(|error| Error::sample(number, error))?;
    let (inputs, crop) = (config.model.unet.image_channels(), config.settings.crop);
    let (planes, height, width) = sample.planes.dim();
    let fits = planes == inputs && sample.target.dim() == (TARGETS, height, width) && height.min(width) >= crop;
    if !fits {
        let got = format!("{:?} with a target of {:?}", sample.planes.dim(), sample.target.dim());
        let expected = format!("({inputs}, y, x) of at least {crop} x {crop} pixels and a target of {TARGETS} planes");
        return Err(Error::sample(number, Error::setting("planes", expected, got)));
    }
    match sample.planes.iter().chain(&sample.target).all(|value| value.is_finite()) {
        true => Ok(sample),
        false => Err(Error::sample(number, Error::setting("planes", "finite values", "others"))),
    }
}
