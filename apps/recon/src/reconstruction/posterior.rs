//! Several samples of one posterior.

use std::time::{Duration, Instant};

use diph_core::{Error, Result, StopReason};
use ndarray::{ArrayD, Zip};
use num_complex::Complex32;

use super::{Parts, Reconstruction};
use crate::stacked_maps;

/// Several samples of one posterior: what they agree on and where they differ.
///
/// The estimate is the mean of the images, then matched: images are what the noise model and the prior are about, and their
/// mean has the least expected square error, whereas the mean of maps would be ruled by voxels in which single samples
/// matched far-off atoms. The mean of the maps is there beside it, and the standard deviation of the maps says how sure
/// the estimate is.
pub struct Posterior {
    /// The matched mean of the images; with the physics in the loop its image is physical too. Steps and last
    /// state are those of the first sample, the stop reason too unless another broke down; the time is that of all.
    pub estimate: Reconstruction,
    /// (4, [z,] y, x): mean over the samples of T1 (s), T2 (s), Re PD, Im PD.
    pub maps_mean: ArrayD<f32>,
    /// (4, [z,] y, x): their standard deviation, with n - 1 in the denominator.
    pub maps_std: ArrayD<f32>,
}

impl Posterior {
    /// Sums up samples; there must be at least two.
    ///
    /// # Errors
    /// When there are fewer, or the projector fails.
    pub fn of(samples: &[Reconstruction], parts: &Parts) -> Result<Self> {
        let [first, _, ..] = samples else {
            return Err(Error::parameter("posterior", "samples", "at least 2", samples.len()));
        };
        let begin = Instant::now();
        let x_hat = mean_image(samples, |sample| &sample.x_hat);
        let (projected, maps_of_x_hat) = parts.project(&x_hat)?;
        let (tsmi, maps) = match first.physics_in_loop {
            true => parts.project(&mean_image(samples, |sample| &sample.tsmi))?,
            false => (x_hat.clone(), maps_of_x_hat),
        };
        let (maps_mean, maps_std) = statistics(samples)?;
        let estimate = Reconstruction {
            tsmi,
            x_hat,
            projected,
            maps,
            physics_in_loop: first.physics_in_loop,
            state: first.state.clone(),
            iterations: first.iterations,
            stop: samples.iter().map(|sample| sample.stop).find(is_breakdown).unwrap_or(first.stop),
            intensity: first.intensity,
            preparation: first.preparation,
            elapsed: time_of_all(samples.iter().map(|sample| (sample.preparation, sample.elapsed))) + begin.elapsed(),
        };
        Ok(Self { estimate, maps_mean, maps_std })
    }
}

/// Preparation and whole time of each sample make the time of all, in which the slice was prepared once.
fn time_of_all(samples: impl Iterator<Item = (Duration, Duration)>) -> Duration {
    let (preparation, solving) = samples
        .fold((Duration::ZERO, Duration::ZERO), |(_, solving), (preparation, elapsed)| {
            (preparation, solving + elapsed.saturating_sub(preparation))
        });
    preparation + solving
}

fn is_breakdown(stop: &StopReason) -> bool {
    matches!(stop, StopReason::Breakdown(_))
}

fn mean_image(samples: &[Reconstruction], image: impl Fn(&Reconstruction) -> &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut mean = image(&samples[0]).clone();
    samples[1..].iter().for_each(|sample| mean += image(sample));
    mean.mapv_inplace(|value| value / samples.len() as f32);
    mean
}

/// Mean and standard deviation of the maps, summed in double precision.
fn statistics(samples: &[Reconstruction]) -> Result<(ArrayD<f32>, ArrayD<f32>)> {
    let stacks = samples.iter().map(|sample| stacked_maps(&sample.maps)).collect::<Result<Vec<_>>>()?;
    let count = stacks.len() as f64;
    let mut mean = ArrayD::<f64>::zeros(stacks[0].raw_dim());
    stacks.iter().for_each(|maps| mean.zip_mut_with(maps, |sum, value| *sum += f64::from(*value) / count));
    let mut variance = ArrayD::<f64>::zeros(mean.raw_dim());
    for maps in &stacks {
        Zip::from(&mut variance).and(maps).and(&mean).for_each(|sum, value, mean| {
            *sum += (f64::from(*value) - mean).powi(2) / (count - 1.0);
        });
    }
    Ok((mean.mapv(|value| value as f32), variance.mapv(|value| value.sqrt() as f32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_prepared_once() {
        let seconds = Duration::from_secs;
        let samples = [(seconds(3), seconds(5)), (seconds(3), seconds(4)), (seconds(3), seconds(7))];
        assert_eq!(time_of_all(samples.into_iter()), seconds(3 + 2 + 1 + 4));
    }
}
