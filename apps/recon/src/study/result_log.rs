//! The steps of an annealed run in numbers.

use diph_core::{AnnealedSettings, AnnealedState, Renoising, Result, metrics};
use diph_datasets::{ResultLogRow, SliceId};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::Evaluation;
use crate::evaluation::flat;
use crate::reconstruction::{Parts, Step};
use crate::slices::Truth;

/// Measures the steps of one slice as the log of the Python code does.
pub struct ResultLog<'a> {
    /// The slice.
    pub id: SliceId,
    /// The parts of the method.
    pub parts: &'a Parts,
    /// The solver.
    pub settings: &'a AnnealedSettings,
    /// The measured k-space.
    pub samples: &'a ArrayD<Complex32>,
    /// What is known to be true of the slice.
    pub truth: Option<&'a Truth>,
}

impl ResultLog<'_> {
    /// One row of the Python code's log; maps are those of z, or without a projector in the loop those of x_hat. `None` of a step
    /// that is not annealed.
    ///
    /// # Errors
    /// When a part fails.
    pub fn measure(&self, step: &Step<'_>) -> Result<Option<ResultLogRow>> {
        step.annealed.map(|state| self.row(step, state)).transpose()
    }

    fn row(&self, step: &Step<'_>, state: &AnnealedState) -> Result<ResultLogRow> {
        let projected = state.physics.as_ref().and_then(|physics| Some((&physics.z, physics.maps.as_ref()?)));
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
        let kspace = metrics::nrmse(flat("k-space", self.samples)?, flat("predicted k-space", &predicted)?);
        let of_image = match self.truth.and_then(|truth| truth.tsmi.as_ref()) {
            Some(reference) => Some(metrics::nrmse(flat("reference TSMI", reference)?, flat("image", &image)?)),
            None => None,
        };
        Ok(ImageErrors { image: of_image, kspace: Some(kspace) })
    }
}

/// Errors of one image in image space and in k-space.
#[derive(Default)]
struct ImageErrors {
    image: Option<f64>,
    kspace: Option<f64>,
}

/// The number as it was typed: 0.1 and not 0.10000000149.
fn decimal(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_logged_as_typed() {
        assert_eq!([0.1f32, 1e-4, 3.0].map(decimal), [0.1, 1e-4, 3.0]);
    }
}
