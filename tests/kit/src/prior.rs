//! Laws of denoisers and proximal maps.

use std::collections::BTreeMap;

use diph_core::{Conditions, Error, NoiseSchedule, Prior, PriorContext, Result, Rng, ScheduleEntry, lend_conditions};
use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;

use crate::guarded::Guarded;
use crate::laws::Laws;
use crate::random::{distance, dot, finite, norm, normal, relative};
use crate::{Limits, Report, Unwatched, Watch, same};

/// Noise levels beside images of unit variance.
const SIGMAS: [f32; 2] = [0.1, 0.5];
/// Rounding in `f32`, which no stated accuracy is below.
const ROUNDING: f64 = 1e-5;
const STEPS: usize = 10;

/// Tries every law of a prior on random images of the given shape, (coefficient, y, x) or (coefficient, z, y, x). The laws of proximal maps are tried
/// where the prior states an accuracy.
pub fn check_prior(prior: &dyn Prior, image: &[usize], seed: u64) -> Report {
    check_conditional_prior(prior, image, &BTreeMap::new(), seed)
}

/// As [`check_prior`], for a prior that wants condition images.
pub fn check_conditional_prior(
    prior: &dyn Prior,
    image: &[usize],
    conditions: &BTreeMap<String, ArrayD<Complex32>>,
    seed: u64,
) -> Report {
    watch_prior(prior, image, conditions, seed, &mut Unwatched)
}

/// As [`check_conditional_prior`]; `watch` hears of every law.
pub fn watch_prior(
    prior: &dyn Prior,
    image: &[usize],
    conditions: &BTreeMap<String, ArrayD<Complex32>>,
    seed: u64,
    watch: &mut dyn Watch,
) -> Report {
    let (conditions, limits) = (&lend_conditions(conditions), Limits::default());
    let probe = Probe { prior, image, conditions, seed };
    let mut laws = Laws::new(watch);
    laws.holds("finite results", || probe.finite());
    laws.holds("an image of zeros is no trouble", || Ok(finite(&probe.denoise(&ArrayD::zeros(image), SIGMAS[1])?)));
    laws.holds("no noise is no trouble", || probe.takes_no_noise());
    laws.holds("a wrong shape is refused", || Ok(probe.refuses_wrong_shape()));
    laws.holds("noise schedule in order", || probe.schedule_in_order());
    laws.measure("a batch is its images", ROUNDING, || probe.batch_error());
    match prior.proximal_accuracy() {
        Some(accuracy) => {
            let limit = limits.proximal * f64::from(accuracy) + ROUNDING;
            laws.measure("prox: non-expansive", limit, || probe.worst(Probe::expansion));
            laws.measure("prox: firmly non-expansive", limit, || probe.worst(Probe::firmness));
            laws.measure("prox: Moreau", limit, || probe.worst(Probe::moreau));
            laws.measure("prox: homogeneous", limit, || probe.worst(Probe::homogeneity));
            laws.measure("prox: optimal", limit, || probe.worst(Probe::suboptimality));
            laws.measure("prox: penalty", limit, || probe.worst(Probe::penalty_error));
        }
        None => {
            if let Some(expansion) = probe.worst(Probe::expansion).ok().filter(|expansion| *expansion > 0.1) {
                let times = 1.0 + expansion;
                laws.warn(format!("it can move two images {times:.2} times apart: plug-and-play may not converge"));
            }
        }
    }
    same::checks(&mut laws, |input| probe.draw(input), |noisy| probe.denoise_bare(noisy, SIGMAS[1]));
    laws.report(prior.name())
}

struct Probe<'a> {
    prior: &'a dyn Prior,
    image: &'a [usize],
    conditions: &'a Conditions<'a>,
    seed: u64,
}

impl Probe<'_> {
    fn draw(&self, draw: u64) -> ArrayD<Complex32> {
        normal(self.image, self.seed.wrapping_add(draw))
    }

    /// An annealed prior gets the schedule entry nearest to `sigma`, and that entry's noise level.
    fn denoise(&self, noisy: &ArrayD<Complex32>, sigma: f32) -> Result<ArrayD<Complex32>> {
        Ok(self.map(noisy, sigma)?.0)
    }

    /// The denoised image and its penalty.
    fn map(&self, noisy: &ArrayD<Complex32>, sigma: f32) -> Result<(ArrayD<Complex32>, Option<f64>)> {
        let entry = self.prior.noise_schedule(STEPS)?.and_then(|schedule| nearest(&schedule, sigma));
        let sigma = entry.map_or(sigma, |entry| entry.sigma() as f32);
        self.map_at(noisy, sigma, entry)
    }

    /// Without guards, which take longer than a small prior: threads would hardly ever be inside of it at once.
    fn denoise_bare(&self, noisy: &ArrayD<Complex32>, sigma: f32) -> Result<ArrayD<Complex32>> {
        let entry = self.prior.noise_schedule(STEPS)?.and_then(|schedule| nearest(&schedule, sigma));
        let sigma = entry.map_or(sigma, |entry| entry.sigma() as f32);
        let mut rng = Rng::seed_from_u64(self.seed);
        let mut context = PriorContext { schedule: entry, conditions: self.conditions, rng: &mut rng };
        let mut clean = ArrayD::zeros(noisy.raw_dim());
        self.prior.denoise(noisy.view(), sigma, clean.view_mut(), &mut context)?;
        Ok(clean)
    }

    /// One call, in which the result is guarded and the input must stay as it is.
    fn map_at(
        &self,
        noisy: &ArrayD<Complex32>,
        sigma: f32,
        schedule: Option<ScheduleEntry>,
    ) -> Result<(ArrayD<Complex32>, Option<f64>)> {
        let operation = format!("{}: denoise", self.prior.name());
        let (lent, mut clean) = (Guarded::lent(noisy), Guarded::new(noisy.shape()));
        let mut rng = Rng::seed_from_u64(self.seed);
        let mut context = PriorContext { schedule, conditions: self.conditions, rng: &mut rng };
        let penalty = self.prior.denoise(lent.view()?, sigma, clean.view_mut()?, &mut context)?;
        lent.check_untouched(&operation, noisy)?;
        Ok((clean.finish(&operation)?, penalty))
    }

    /// A prior may refuse a noise level of 0 in words; what it must not is give NaN. One with a noise schedule is never asked.
    fn takes_no_noise(&self) -> Result<bool> {
        if self.prior.noise_schedule(STEPS)?.is_some() {
            return Ok(true);
        }
        match self.map_at(&self.draw(0), 0.0, None) {
            Ok((clean, _)) => Ok(finite(&clean)),
            Err(error @ Error::NotFinite { .. }) => Err(error),
            Err(_) => Ok(true),
        }
    }

    /// Largest error over the noise levels; a NaN stays one.
    fn worst(&self, error: impl Fn(&Self, f32) -> Result<f64>) -> Result<f64> {
        SIGMAS.iter().try_fold(0f64, |worst, sigma| {
            let error = error(self, *sigma)?;
            Ok(if error > worst || error.is_nan() { error } else { worst })
        })
    }

    /// Largest `|B_i - P x_i| / |P x_i|` of the images of a batch, each with a generator of its own.
    fn batch_error(&self) -> Result<f64> {
        const BATCH: u64 = 3;
        let sigma = SIGMAS[1];
        let entry = self.prior.noise_schedule(STEPS)?.and_then(|schedule| nearest(&schedule, sigma));
        let sigma = entry.map_or(sigma, |entry| entry.sigma() as f32);
        let noisy: Vec<_> = (0..BATCH).map(|draw| self.draw(draw)).collect();
        let mut clean = vec![ArrayD::from_elem(self.image, Complex32::new(3.0, -2.0)); noisy.len()];
        let mut generators = vec![Rng::seed_from_u64(self.seed); noisy.len()];
        let views: Vec<_> = noisy.iter().map(|image| image.view()).collect();
        let mut results: Vec<_> = clean.iter_mut().map(|image| image.view_mut()).collect();
        let mut contexts: Vec<_> = generators
            .iter_mut()
            .map(|rng| PriorContext { schedule: entry, conditions: self.conditions, rng })
            .collect();
        self.prior.denoise_batch(&views, sigma, &mut results, &mut contexts)?;
        noisy.iter().zip(&clean).try_fold(0f64, |worst, (noisy, clean)| {
            let alone = self.denoise(noisy, sigma)?;
            let error = relative(distance(clean, &alone), norm(&alone));
            Ok(if error > worst || error.is_nan() { error } else { worst })
        })
    }

    fn finite(&self) -> Result<bool> {
        let x = self.draw(0);
        Ok(SIGMAS.iter().map(|sigma| self.denoise(&x, *sigma)).collect::<Result<Vec<_>>>()?.iter().all(finite))
    }

    fn refuses_wrong_shape(&self) -> bool {
        let mut wrong = self.image.to_vec();
        if let Some(width) = wrong.last_mut() {
            *width += 1;
        }
        let mut rng = Rng::seed_from_u64(self.seed);
        let mut context = PriorContext { schedule: None, conditions: self.conditions, rng: &mut rng };
        let noisy = ArrayD::zeros(self.image);
        let mut clean = ArrayD::zeros(wrong);
        self.prior.denoise(noisy.view(), SIGMAS[0], clean.view_mut(), &mut context).is_err()
    }

    fn schedule_in_order(&self) -> Result<bool> {
        let Some(NoiseSchedule { entries }) = self.prior.noise_schedule(STEPS)? else { return Ok(true) };
        let indexed = entries.iter().enumerate().all(|(i, entry)| entry.index == i);
        let falling = entries.windows(2).all(|pair| pair[0].abar > pair[1].abar);
        let inside = entries.iter().all(|entry| entry.abar > 0.0 && entry.abar <= 1.0);
        Ok(!entries.is_empty() && indexed && falling && inside)
    }

    /// `|P x - P u| / |x - u| - 1`, where positive.
    fn expansion(&self, sigma: f32) -> Result<f64> {
        let (x, u) = (self.draw(0), self.draw(1));
        let moved = distance(&self.denoise(&x, sigma)?, &self.denoise(&u, sigma)?);
        Ok((relative(moved, distance(&x, &u)) - 1.0).max(0.0))
    }

    /// `(|P x - P u|^2 - Re <P x - P u, x - u>) / |x - u|^2`, where positive.
    fn firmness(&self, sigma: f32) -> Result<f64> {
        let (x, u) = (self.draw(0), self.draw(1));
        let moved = self.denoise(&x, sigma)? - self.denoise(&u, sigma)?;
        let apart = &x - &u;
        Ok(((norm(&moved).powi(2) - dot(&moved, &apart).re) / norm(&apart).powi(2)).max(0.0))
    }

    /// x - P x is a projection on the dual ball, on which P is zero: `|P(x - P x)| / |x|`.
    fn moreau(&self, sigma: f32) -> Result<f64> {
        let x = self.draw(0);
        let inside = &x - &self.denoise(&x, sigma)?;
        Ok(relative(norm(&self.denoise(&inside, sigma)?), norm(&x)))
    }

    /// `c P(x; sigma^2) = P(c x; c sigma^2)` for an absolutely homogeneous R.
    fn homogeneity(&self, sigma: f32) -> Result<f64> {
        const C: f32 = 2.5;
        let x = self.draw(0);
        let scaled = self.denoise(&x.mapv(|value| value * C), sigma * C.sqrt())?;
        let plain = self.denoise(&x, sigma)?.mapv(|value| value * C);
        Ok(relative(distance(&scaled, &plain), norm(&x) * f64::from(C)))
    }

    /// Distance of the penalty that comes with the result from the penalty that the map of no noise finds for it, relative to
    /// that of the noisy image.
    fn penalty_error(&self, sigma: f32) -> Result<f64> {
        let x = self.draw(0);
        let (clean, told) = self.map(&x, sigma)?;
        let (asked, scale) = (self.map(&clean, 0.0)?.1, self.map(&x, 0.0)?.1);
        Ok(match (told, asked, scale) {
            (Some(told), Some(asked), Some(scale)) => relative((told - asked).abs(), scale),
            (None, None, None) => 0.0,
            _ => f64::INFINITY,
        })
    }

    /// By how much some other image beats the result in `1/2 |u - x|^2 + sigma^2 R(u)`, relative to that objective.
    fn suboptimality(&self, sigma: f32) -> Result<f64> {
        let x = self.draw(0);
        let best = self.denoise(&x, sigma)?;
        let objective = |u: &ArrayD<Complex32>| -> Result<Option<f64>> {
            let (_, penalty) = self.map(u, 0.0)?;
            Ok(penalty.map(|penalty| 0.5 * distance(u, &x).powi(2) + f64::from(sigma).powi(2) * penalty))
        };
        let Some(reached) = objective(&best)? else { return Ok(0.0) };
        let away = &x - &best;
        let mut rivals = vec![x.clone(), x.mapv(|_| Complex32::ZERO)];
        for step in [-0.1, -0.01, 0.01, 0.1] {
            rivals.push(&best + &away.mapv(|value| value * step));
            rivals.push(best.mapv(|value| value * (1.0 + step)));
            rivals.push(&best + &self.draw(2).mapv(|value| value * step));
        }
        rivals.iter().try_fold(0f64, |worst, rival| {
            let gain = objective(rival)?.map_or(0.0, |rival| relative(reached - rival, reached));
            Ok(if gain > worst || gain.is_nan() { gain } else { worst })
        })
    }
}

fn nearest(schedule: &NoiseSchedule, sigma: f32) -> Option<ScheduleEntry> {
    let distance = |entry: &ScheduleEntry| (entry.sigma() - f64::from(sigma)).abs();
    schedule.entries.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).copied()
}

#[cfg(test)]
mod tests {
    use diph_core::{View, ViewMut};
    use rand::RngExt;

    use super::*;

    #[derive(Clone, Copy, PartialEq)]
    enum Fault {
        None,
        Threshold,
        Twice,
        Expansive,
        Inhomogeneous,
        NotANumber,
        AnyShape,
        Schedule,
        Batch,
        OwnRandomness,
        /// Tells the penalty of what it was given instead of what it gives.
        Penalty,
    }

    /// Soft thresholding: the proximal map of the sum of magnitudes, with a fault.
    struct Shrink(Fault);

    impl Prior for Shrink {
        fn name(&self) -> &str {
            "shrink"
        }

        fn denoise(
            &self,
            x: View<'_>,
            sigma: f32,
            mut z: ViewMut<'_>,
            _: &mut PriorContext<'_>,
        ) -> Result<Option<f64>> {
            if x.shape() != z.shape() && self.0 != Fault::AnyShape {
                let (expected, got) = (x.shape().to_vec(), z.shape().to_vec());
                return Err(Error::Shape { operation: "shrink".into(), role: "result".into(), expected, got });
            }
            let threshold = match self.0 {
                Fault::Threshold => 0.5 * sigma * sigma,
                Fault::Inhomogeneous => sigma,
                _ => sigma * sigma,
            };
            for (z, x) in z.iter_mut().zip(&x) {
                let magnitude = x.norm();
                *z = if magnitude > threshold { x * (1.0 - threshold / magnitude) } else { Complex32::ZERO };
                match self.0 {
                    Fault::Twice => *z *= 0.5,
                    Fault::Expansive => *z *= 1.5,
                    Fault::NotANumber => z.im = f32::NAN,
                    Fault::OwnRandomness => *z *= 1.0 + 0.01 * rand::rng().random::<f32>(),
                    _ => {}
                }
            }
            let of = if self.0 == Fault::Penalty { x } else { z.view() };
            Ok(Some(of.iter().map(|value| f64::from(value.norm())).sum()))
        }

        fn denoise_batch(
            &self,
            noisy: &[View<'_>],
            sigma: f32,
            clean: &mut [ViewMut<'_>],
            contexts: &mut [PriorContext<'_>],
        ) -> Result<()> {
            for (i, context) in contexts.iter_mut().enumerate() {
                // The fault takes the first image for all.
                let source = if self.0 == Fault::Batch { 0 } else { i };
                self.denoise(noisy[source].view(), sigma, clean[i].view_mut(), context)?;
            }
            Ok(())
        }

        fn noise_schedule(&self, steps: usize) -> Result<Option<NoiseSchedule>> {
            let entry = |index| ScheduleEntry { index, timestep: index, abar: 0.5 };
            Ok((self.0 == Fault::Schedule).then(|| NoiseSchedule { entries: (0..steps).map(entry).collect() }))
        }

        fn proximal_accuracy(&self) -> Option<f32> {
            Some(1e-6)
        }
    }

    #[test]
    fn a_lawful_proximal_map_passes() {
        let report = check_prior(&Shrink(Fault::None), &[2, 6, 7], 3);
        assert!(report.passed(), "{report}");
        assert_eq!(report.checks.len(), 14);
    }

    /// Adds its condition image; without one it fails.
    struct Guided;

    impl Prior for Guided {
        fn name(&self) -> &str {
            "guided"
        }

        fn denoise(
            &self,
            x: View<'_>,
            _: f32,
            mut z: ViewMut<'_>,
            context: &mut PriorContext<'_>,
        ) -> Result<Option<f64>> {
            let missing = || Error::parameter("guided", "condition", "`low_res`", "none");
            let guide = context.conditions.get("low_res").ok_or_else(missing)?;
            if x.shape() != z.shape() {
                return Err(Error::incompatible("guided", "equal shapes", "others"));
            }
            ndarray::Zip::from(&mut z).and(&x).and(guide).for_each(|z, x, guide| *z = x + guide);
            Ok(None)
        }
    }

    #[test]
    fn conditions_reach_the_prior() {
        let (image, conditions) = ([2, 6, 7], BTreeMap::from([("low_res".to_owned(), normal(&[2, 6, 7], 9))]));
        let report = check_conditional_prior(&Guided, &image, &conditions, 3);
        assert!(report.passed(), "{report}");
        assert!(check_prior(&Guided, &image, 3).breaks("finite results"));
    }

    #[test]
    fn every_law_catches_its_fault() {
        for (fault, law) in [
            (Fault::Threshold, "prox: optimal"),
            (Fault::Penalty, "prox: penalty"),
            (Fault::Twice, "prox: Moreau"),
            (Fault::Expansive, "prox: non-expansive"),
            (Fault::Expansive, "prox: firmly non-expansive"),
            (Fault::Inhomogeneous, "prox: homogeneous"),
            (Fault::NotANumber, "finite results"),
            (Fault::AnyShape, "a wrong shape is refused"),
            (Fault::Schedule, "noise schedule in order"),
            (Fault::Batch, "a batch is its images"),
            (Fault::OwnRandomness, "determinism"),
            (Fault::OwnRandomness, "thread safety"),
        ] {
            let report = check_prior(&Shrink(fault), &[2, 6, 7], 3);
            assert!(report.breaks(law), "{law} holds:\n{report}");
        }
    }
}
