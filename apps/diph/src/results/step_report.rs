//! Every step of an annealed run in pictures and numbers.

use std::path::PathBuf;

use diph_core::{AnnealedSettings, AnnealedState, Error, ParameterMaps, Renoising, Result, metrics};
use diph_datasets::{ResultLogRow, SliceId};
use ndarray::{ArrayD, ArrayView, IxDyn};
use num_complex::Complex32;

use super::write_bytes;
use crate::output::{AppError, Blame};
use crate::reconstruction::{Evaluation, Parts, Step, Truth};
use crate::render::{FigureRow, StepImage, step_figure, step_row, steps_figure};

/// Steps that the overview shows.
const SHOWN: usize = 6;

/// What a report of the steps of one slice is made from.
pub struct StepReport<'a> {
    id: SliceId,
    folder: PathBuf,
    parts: &'a Parts,
    settings: &'a AnnealedSettings,
    samples: &'a ArrayD<Complex32>,
    truth: Option<&'a Truth>,
    rows: Vec<ResultLogRow>,
    names: Vec<&'static str>,
    strip: Vec<FigureRow>,
}

impl<'a> StepReport<'a> {
    /// A report that goes to `folder`; `samples` is the measured k-space.
    pub fn new(
        id: SliceId,
        folder: PathBuf,
        parts: &'a Parts,
        settings: &'a AnnealedSettings,
        samples: &'a ArrayD<Complex32>,
        truth: Option<&'a Truth>,
    ) -> Self {
        Self { id, folder, parts, settings, samples, truth, rows: Vec::new(), names: Vec::new(), strip: Vec::new() }
    }

    /// Measures and draws a step: `steps/step_0001.png` and so on, with x_tilde, x_hat, z and the reference, as far as they
    /// exist.
    ///
    /// # Errors
    /// When a part fails or the picture cannot be written.
    pub fn record(&mut self, step: &Step<'_>) -> Result<()> {
        let Some(state) = step.annealed else {
            return Ok(());
        };
        let row = self.measure(step, state)?;
        let reference = self.reference().map(|reference| reference.mapv(|value| value / step.intensity));
        let images = images(state, reference.as_ref().map(|reference| reference.view()), &row);
        let count = step.max_iterations;
        let title = format!("{}, step {} of {count}", self.id, step.iteration);
        let path = self.folder.join(format!("steps/step_{:04}.png", step.iteration));
        let failed = |error: &dyn ToString| Error::external("step report", error.to_string());
        write_bytes(&path, &step_figure(&title, &images)?.to_png()?).map_err(|error| failed(&error))?;
        if is_shown(step.iteration, count) {
            self.strip.push(step_row(format!("step {} of {count}", step.iteration), &images));
            self.names = images.iter().map(|image| image.name).collect();
        }
        self.rows.push(row);
        Ok(())
    }

    /// Writes the overview, `steps.png`, and gives it with the rows of `log_res.csv`.
    ///
    /// # Errors
    /// Naming the file that cannot be written.
    pub fn finish(self) -> Result<(Vec<u8>, Vec<ResultLogRow>), AppError> {
        let title = format!("{}: norm over the coefficients", self.id);
        let figure = steps_figure(&title, &self.names, self.strip).and_then(|image| image.to_png());
        let png = figure.step("drawing the steps")?;
        write_bytes(&self.folder.join("steps.png"), &png)?;
        Ok((png, self.rows))
    }

    fn reference(&self) -> Option<&'a ndarray::Array3<Complex32>> {
        self.truth.and_then(|truth| truth.tsmi.as_ref())
    }

    /// One row of the Python code's log; maps are those of z, or without a projector in the loop those of x_hat.
    fn measure(&self, step: &Step<'_>, state: &AnnealedState) -> Result<ResultLogRow> {
        let projected = projected(state);
        let maps = match (self.truth, projected) {
            (None, _) => None,
            (Some(truth), Some((_, maps))) => Some(Evaluation::of_maps(maps, truth)?),
            (Some(truth), None) => Some(Evaluation::of_maps(&self.parts.project(&state.x_hat)?.1, truth)?),
        };
        let fraction = |percent: fn(&Evaluation) -> Option<f64>| Some(percent(maps.as_ref()?)? / 100.0);
        let of_z = projected.map(|(z, _)| self.errors(z, step.intensity)).transpose()?.unwrap_or_default();
        let of_x_tilde = self.errors(&state.x_tilde, step.intensity)?;
        let of_x_hat = self.errors(&state.x_hat, step.intensity)?;
        Ok(ResultLogRow {
            iteration: step.max_iterations + 1 - step.iteration,
            vol: self.id.vol,
            slice: self.id.slice,
            gamma: self.settings.physics.map_or(0.0, |physics| decimal(physics.gamma)),
            lmbda: self.settings.data.map_or(0.0, |data| decimal(data.lambda)),
            xi: match self.settings.renoising {
                Renoising::Blend { xi, .. } => decimal(xi),
                Renoising::DdpmPosterior => 1.0,
            },
            mape_t1: fraction(|e| e.t1_mape_percent),
            mape_t2: fraction(|e| e.t2_mape_percent),
            nrmse_zt: of_z.image,
            nrmse_xtilda: of_x_tilde.image,
            nrmse_xhat: of_x_hat.image,
            nrmse_kspace_zt: of_z.kspace,
            nrmse_kspace_xtilda: of_x_tilde.kspace,
            nrmse_kspace_xhat: of_x_hat.kspace,
        })
    }

    fn errors(&self, image: &ArrayD<Complex32>, intensity: f32) -> Result<ImageErrors> {
        let image = image.mapv(|value| value * intensity);
        let operator = self.parts.unweighted();
        let mut predicted = operator.range().zeros();
        operator.forward(image.view(), predicted.view_mut())?;
        let kspace = metrics::nrmse(flat(self.samples), flat(&predicted));
        let reference = self.reference().and_then(|reference| reference.as_slice());
        Ok(ImageErrors {
            image: reference.map(|reference| metrics::nrmse(reference, flat(&image))),
            kspace: Some(kspace),
        })
    }
}

/// Errors of one image in image space and in k-space.
#[derive(Default)]
struct ImageErrors {
    image: Option<f64>,
    kspace: Option<f64>,
}

/// z and its maps, where the physics is in the loop.
fn projected(state: &AnnealedState) -> Option<(&ArrayD<Complex32>, &ParameterMaps)> {
    let physics = state.physics.as_ref()?;
    Some((&physics.z, physics.maps.as_ref()?))
}

fn images<'i>(
    state: &'i AnnealedState,
    reference: Option<ArrayView<'i, Complex32, ndarray::Ix3>>,
    row: &ResultLogRow,
) -> Vec<StepImage<'i>> {
    let note = |error: Option<f64>| error.map(|error| format!("NRMSE {error:.3}"));
    let mut images = vec![
        StepImage { name: "x_tilde (prior)", image: state.x_tilde.view(), note: note(row.nrmse_xtilda) },
        StepImage { name: "x_hat (data)", image: state.x_hat.view(), note: note(row.nrmse_xhat) },
    ];
    if let Some((z, _)) = projected(state) {
        images.push(StepImage { name: "z (physics)", image: z.view(), note: note(row.nrmse_zt) });
    }
    if let Some(reference) = reference.and_then(|reference| reference.into_dimensionality::<IxDyn>().ok()) {
        images.push(StepImage { name: "reference", image: reference, note: None });
    }
    images
}

/// The first step, the last, and some evenly between them.
fn is_shown(iteration: usize, count: usize) -> bool {
    let shown = SHOWN.min(count);
    (0..shown).any(|i| iteration == 1 + (i * (count - 1) + shown.saturating_sub(1) / 2) / (shown - 1).max(1))
}

/// The number as it was typed: 0.1 and not 0.10000000149.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(value.into())
}

fn flat(array: &ArrayD<Complex32>) -> &[Complex32] {
    array.as_slice().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_has_the_first_and_the_last_step() {
        let shown = |count: usize| (1..=count).filter(|step| is_shown(*step, count)).collect::<Vec<_>>();
        assert_eq!(shown(30), [1, 7, 13, 18, 24, 30]);
        assert_eq!(shown(4), [1, 2, 3, 4]);
        assert_eq!(shown(1), [1]);
    }

    #[test]
    fn numbers_are_logged_as_typed() {
        assert_eq!([0.1f32, 1e-4, 3.0].map(decimal), [0.1, 1e-4, 3.0]);
    }
}
