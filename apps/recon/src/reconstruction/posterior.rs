//! Several samples of one posterior.

use std::time::{Duration, Instant};

use diph_core::{Result, StopReason};
use ndarray::ArrayD;
use num_complex::Complex32;

use super::{Parts, Reconstruction};
use crate::uncertainty::{Deviations, MapStatistics};

/// What several samples of one posterior agree on and where they differ.
///
/// Where the solver knows the mean of the posterior apart from samples, the estimate is that mean. Otherwise it is the mean of
/// the samples' images, then matched: images are what the noise model and the prior are about, and their mean has the least expected
/// square error, whereas the mean of maps would be ruled by voxels in which single samples matched far-off atoms. The mean of the
/// maps is there beside it, and their deviation says how sure the estimate is.
pub struct Posterior {
    /// The estimate. Of a mean of samples, steps and last state are those of the first sample, the stop reason too unless another
    /// broke down; the time is that of all.
    pub estimate: Reconstruction,
    /// (4, \[z,\] y, x): mean over the samples of T1 (s), T2 (s), Re PD, Im PD.
    pub maps_mean: ArrayD<f32>,
    /// (4, \[z,\] y, x): their standard deviation, with n - 1 in the denominator.
    pub maps_std: ArrayD<f32>,
    /// Deviations of the logarithms over the samples.
    pub deviations: Deviations,
}

/// Samples of one posterior that come one at a time and are not kept, but for the first.
#[derive(Default)]
pub struct PosteriorSum {
    first: Option<Reconstruction>,
    x_hat: Option<ArrayD<Complex32>>,
    tsmi: Option<ArrayD<Complex32>>,
    statistics: MapStatistics,
    solving: Duration,
    breakdown: Option<StopReason>,
}

impl PosteriorSum {
    /// Takes in a sample.
    ///
    /// # Errors
    /// When its maps hold no T1 or T2 in seconds.
    pub fn push(&mut self, sample: Reconstruction) -> Result<()> {
        self.statistics.push(&sample.maps)?;
        add(&mut self.x_hat, &sample.x_hat);
        add(&mut self.tsmi, &sample.tsmi);
        self.solving += sample.elapsed.saturating_sub(sample.preparation);
        if self.breakdown.is_none() && matches!(sample.stop, StopReason::Breakdown(_)) {
            self.breakdown = Some(sample.stop);
        }
        self.first.get_or_insert(sample);
        Ok(())
    }

    /// The first sample.
    pub fn first(&self) -> Option<&Reconstruction> {
        self.first.as_ref()
    }

    /// Sums up: around `estimate`, where the solver knows one, otherwise around the mean of the samples. `None` where there is neither.
    ///
    /// # Errors
    /// Those of projector and estimator.
    pub fn finish(self, estimate: Option<Reconstruction>, parts: &Parts) -> Result<Option<Posterior>> {
        let begin = Instant::now();
        let (maps_mean, maps_std) = (self.statistics.mean(), self.statistics.deviation());
        let deviations = self.statistics.deviations();
        let (solving, breakdown) = (self.solving, self.breakdown);
        let estimate = match estimate {
            Some(estimate) => Some(Reconstruction { elapsed: estimate.elapsed + solving, ..estimate }),
            None => self
                .mean(parts)?
                .map(|mean| Reconstruction { elapsed: mean.preparation + solving + begin.elapsed(), ..mean }),
        };
        Ok(estimate.map(|estimate| {
            let estimate = Reconstruction { stop: breakdown.unwrap_or(estimate.stop), ..estimate };
            Posterior { estimate, maps_mean, maps_std, deviations }
        }))
    }

    fn mean(self, parts: &Parts) -> Result<Option<Reconstruction>> {
        let share = 1.0 / self.statistics.count().max(1) as f32;
        let (Some(first), Some(x_hat), Some(tsmi)) = (self.first, self.x_hat, self.tsmi) else { return Ok(None) };
        let [x_hat, tsmi] = [x_hat, tsmi].map(|sum| sum.mapv_into(|value| value * share));
        let (projected, own_maps) = parts.project(&x_hat)?;
        let (tsmi, maps) = match first.physics_in_loop {
            true => parts.project(&tsmi)?,
            false => {
                let maps = parts.estimate(&x_hat)?.unwrap_or(own_maps);
                (x_hat.clone(), maps)
            }
        };
        Ok(Some(Reconstruction { tsmi, x_hat, projected, maps, ..first }))
    }
}

fn add(sum: &mut Option<ArrayD<Complex32>>, image: &ArrayD<Complex32>) {
    match sum {
        Some(sum) => *sum += image,
        None => *sum = Some(image.clone()),
    }
}
