//! Estimate and samples of a slice, and how sure the estimate is.

use diph_core::StopReason;

use super::{Notice, SliceFiles, Study, StudyObserver};
use crate::acquisition::{Acquisition, Fingerprint};
use crate::reconstruction::{Parts, Posterior, PosteriorSum, Reconstruction, Reconstructor, Step};
use crate::uncertainty::{Calibration, Uncertainty};
use crate::{Blame, Evaluation, ReconError};

/// Hears of a step that is to be logged.
pub(super) type Record<'a> = dyn FnMut(&Step<'_>, &mut dyn StudyObserver) -> diph_core::Result<()> + 'a;

/// What was run of a slice.
#[derive(Default)]
pub(super) struct Drawn {
    /// The run for the estimate, unless that is the mean of the samples.
    pub estimate: Option<Reconstruction>,
    /// The samples, where several were asked for.
    pub samples: PosteriorSum,
    /// Metrics of the samples.
    pub single: Vec<Evaluation>,
}

impl Drawn {
    /// The run whose steps were recorded.
    pub fn recorded(&self) -> Option<&Reconstruction> {
        self.estimate.as_ref().or(self.samples.first())
    }

    /// The single run, or what several samples say.
    pub fn sum_up(self, parts: &Parts) -> diph_core::Result<(Option<Reconstruction>, Option<Posterior>)> {
        match self.samples.first() {
            None => Ok((self.estimate, None)),
            Some(_) => Ok((None, self.samples.finish(self.estimate, parts)?)),
        }
    }
}

impl Study<'_> {
    /// Seeds of the samples as the provenance has them: none of a single reconstruction.
    pub(super) fn recorded_seeds(&self) -> Vec<u64> {
        if self.draws_several() { self.sample_seeds().collect() } else { Vec::new() }
    }

    fn draws_several(&self) -> bool {
        self.samples.get() > 1
    }

    /// Sample i has the seed plus i, so that a sampler draws it alone with that seed.
    fn sample_seeds(&self) -> impl Iterator<Item = u64> + use<> {
        let seed = self.seed;
        (0..self.samples.get()).map(move |sample| seed.wrapping_add(sample as u64))
    }

    /// Fails where several samples are asked for and the solver draws none.
    pub(super) fn check_samples(&self) -> Result<(), ReconError> {
        let name = &self.method.name;
        if !self.draws_several() || self.method.solver.draws_samples() {
            return Ok(());
        }
        let message = format!("expected 1, since `{name}` has no posterior to sample from");
        Err(ReconError::setting("samples", message))
    }

    /// The method's calibration, where deviations are asked for and it holds for this acquisition; says so where it does not.
    pub(super) fn calibration(
        &self,
        acquisition: &Acquisition,
        observer: &mut dyn StudyObserver,
    ) -> Result<Option<Calibration>, ReconError> {
        let Some(source) = self.method.calibration.as_ref().filter(|_| self.draws_several()) else { return Ok(None) };
        let calibration = source.read()?;
        match calibration.misfit(&Fingerprint::of(acquisition).text(), &self.method.fingerprint()) {
            None => Ok(Some(calibration)),
            Some(reason) => {
                let method = self.method.name.clone();
                observer.notice(&Notice::NotCalibrated { method, reason: reason.into() });
                Ok(None)
            }
        }
    }

    /// One reconstruction, or several samples of the posterior with, where the solver knows it, their mean. `record` hears of the
    /// steps of the first run; samples are measured by `evaluate`, written and not kept.
    pub(super) fn draw(
        &self,
        reconstructor: &Reconstructor<'_>,
        (label, files): (&str, &SliceFiles),
        evaluate: &dyn Fn(&Reconstruction) -> Result<Evaluation, ReconError>,
        record: &mut Record<'_>,
        observer: &mut dyn StudyObserver,
    ) -> Result<Drawn, ReconError> {
        let mut drawn = Drawn::default();
        if !self.draws_several() || self.method.solver.knows_mean() {
            observer.sample_begins(label);
            let mut on_step = |step: &Step<'_>| {
                observer.step(step);
                record(step, observer)?;
                Ok(self.cancel.flow())
            };
            let run = reconstructor.run(self.seed, &mut on_step).step(label)?;
            check_stop(&run, label, observer)?;
            drawn.estimate = Some(run);
        }
        if !self.draws_several() {
            return Ok(drawn);
        }
        for (index, seed) in self.sample_seeds().enumerate() {
            let label = format!("{label} #{}", index + 1);
            observer.sample_begins(&label);
            let is_recorded = index == 0 && drawn.estimate.is_none();
            let mut on_step = |step: &Step<'_>| {
                observer.step(step);
                if is_recorded {
                    record(step, observer)?;
                }
                Ok(self.cancel.flow())
            };
            let sample = reconstructor.sample(seed, &mut on_step).step(&label)?;
            check_stop(&sample, &label, observer)?;
            drawn.single.push(evaluate(&sample)?);
            files.write_sample(index + 1, &sample)?;
            drawn.samples.push(sample).step(&label)?;
        }
        Ok(drawn)
    }

    /// How sure the maps of a slice are, and which voxels to trust.
    pub(super) fn uncertainty(
        &self,
        reconstruction: &Reconstruction,
        posterior: Option<&Posterior>,
        parts: &Parts,
        calibration: Option<&Calibration>,
    ) -> diph_core::Result<Uncertainty> {
        let of_samples = posterior.map(|posterior| &posterior.deviations);
        let deviations =
            of_samples.map(|spread| calibration.map_or_else(|| spread.clone(), |found| found.apply(spread)));
        let images = (&reconstruction.x_hat, &reconstruction.projected);
        let trusted = self.method.trust.trusted(&reconstruction.maps, images, parts.ranges(), deviations.as_ref())?;
        Ok(Uncertainty { trusted, deviations, is_calibrated: calibration.is_some() })
    }
}

fn check_stop(
    reconstruction: &Reconstruction,
    label: &str,
    observer: &mut dyn StudyObserver,
) -> Result<(), ReconError> {
    if reconstruction.stop == StopReason::Cancelled {
        return Err(ReconError::Cancelled);
    }
    if let StopReason::Breakdown(reason) = reconstruction.stop {
        observer.notice(&Notice::BrokeDown { label: label.into(), steps: reconstruction.iterations, reason });
    }
    Ok(())
}
