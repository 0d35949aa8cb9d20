//! The pictures of a study, beside the files that it writes.

use std::path::Path;

use diph_core::{AnnealedState, Result};
use diph_datasets::{ResultLogRow, SliceId};
use diph_recon::slices::Truth;
use diph_recon::study::{LoggedStep, ReconstructedSlice, StudyObserver};
use diph_recon::{Blame, ReconError, write_bytes};
use ndarray::{Array2, ArrayViewD};
use num_complex::Complex32;

use crate::report::Picture;
use crate::{
    FigureRow, MapWindows, MapsView, StepImage, maps_figure, middle_plane, plane_shown, posterior_figure, step_figure,
    step_row, steps_figure, visible_voxels,
};

/// Steps that the overview shows.
const SHOWN: usize = 6;

/// Draws the slices of a study: `maps.png`, for several samples `posterior.png`, and of steps that are logged
/// `steps/step_0001.png` and so on with the overview `steps.png`.
#[derive(Default)]
pub struct StudyPictures {
    /// Pictures of the finished slices, each as it is on the disk.
    pub slices: Vec<(SliceId, Vec<Picture>)>,
    steps: Option<Steps>,
}

/// What the overview of the steps of a slice is made from.
#[derive(Default)]
struct Steps {
    names: Vec<&'static str>,
    /// Which plane of a volume is shown.
    plane: String,
    strip: Vec<FigureRow>,
}

impl StudyObserver for StudyPictures {
    fn logged(&mut self, logged: &LoggedStep<'_>) -> std::result::Result<(), ReconError> {
        let Some(state) = logged.step.annealed else {
            return Ok(());
        };
        let step = logged.step;
        let reference = logged.truth.and_then(|truth| truth.tsmi.as_ref());
        let reference = reference.map(|reference| reference.mapv(|value| value / step.intensity));
        let images = images(state, reference.as_ref().map(|reference| reference.view()), logged.row);
        let plane = plane_shown(&state.x_hat.shape()[1..]);
        let title = format!("{}, step {} of {}{plane}", logged.id, step.iteration, step.max_iterations);
        let path = logged.folder.join(format!("steps/step_{:04}.png", step.iteration));
        write_bytes(&path, &step_figure(&title, &images)?.to_png()?)?;
        if is_shown(step.iteration, step.max_iterations) {
            let steps = self.steps.get_or_insert_default();
            steps.strip.push(step_row(format!("step {} of {}", step.iteration, step.max_iterations), &images)?);
            steps.plane = plane;
            steps.names = images.iter().map(|image| image.name).collect();
        }
        Ok(())
    }

    fn reconstructed(&mut self, slice: &ReconstructedSlice<'_>) -> std::result::Result<(), ReconError> {
        let id = slice.id;
        let mut pictures = vec![maps_picture(slice)?];
        if let Some(steps) = self.steps.take() {
            pictures.push(steps.picture(id, slice.folder)?);
        }
        if slice.posterior.is_some() {
            pictures.push(posterior_picture(slice)?);
        }
        self.slices.push((id, pictures));
        Ok(())
    }
}

impl Steps {
    fn picture(self, id: SliceId, folder: &Path) -> std::result::Result<Picture, ReconError> {
        let plane = self.plane;
        let title = format!("{id}: norm over the coefficients{plane}");
        let figure = steps_figure(&title, &self.names, self.strip).and_then(|image| image.to_png());
        let png = figure.step("drawing the steps")?;
        write_bytes(&folder.join("steps.png"), &png)?;
        Ok(Picture { caption: format!("{id}: steps of the solver{plane}"), png })
    }
}

fn maps_picture(slice: &ReconstructedSlice<'_>) -> std::result::Result<Picture, ReconError> {
    let SliceId { vol, slice: number, .. } = slice.id;
    let plane = shown(slice);
    let title = format!("{}, volume {vol}, slice {number}{plane}", slice.method.name);
    let png = draw_maps(&title, slice).step("drawing the maps")?;
    write_bytes(&slice.folder.join("maps.png"), &png)?;
    Ok(Picture { caption: format!("{}{plane}", slice.id), png })
}

/// Which plane of a volume is shown.
fn shown(slice: &ReconstructedSlice<'_>) -> String {
    plane_shown(slice.reconstruction.maps.amplitude.shape())
}

fn draw_maps(title: &str, slice: &ReconstructedSlice<'_>) -> Result<Vec<u8>> {
    let maps = &slice.reconstruction.maps;
    let view = MapsView::new(maps)?;
    let visible: Array2<bool> = visible_voxels(view.pd);
    let (mask, reference) = match slice.truth {
        Some(Truth { maps, mask, .. }) => (middle_plane(mask.view())?, Some(MapsView::of_maps(maps)?)),
        None => (visible.view(), None),
    };
    maps_figure(title, view, reference, mask, MapWindows::default())?.to_png()
}

fn posterior_picture(slice: &ReconstructedSlice<'_>) -> std::result::Result<Picture, ReconError> {
    let count = slice.samples;
    let plane = shown(slice);
    let title = format!("{} {}: {count} samples{plane}", slice.method.name, slice.id);
    let png = draw_posterior(&title, slice).step("writing the samples")?;
    write_bytes(&slice.folder.join("posterior.png"), &png)?;
    let kind = if slice.uncertainty.is_calibrated { "calibrated deviations" } else { "spread" };
    let caption = format!("{}: estimate, {kind} from {count} samples, and the voxels to trust{plane}", slice.id);
    Ok(Picture { caption, png })
}

fn draw_posterior(title: &str, slice: &ReconstructedSlice<'_>) -> Result<Vec<u8>> {
    let estimate = MapsView::new(&slice.reconstruction.maps)?;
    let shown = visible_voxels(estimate.pd);
    posterior_figure(title, estimate, slice.uncertainty, shown.view(), MapWindows::default())?.to_png()
}

/// Columns of a step's figure: x_tilde, x_hat, z and the reference, as far as they exist.
fn images<'i>(
    state: &'i AnnealedState,
    reference: Option<ArrayViewD<'i, Complex32>>,
    row: &ResultLogRow,
) -> Vec<StepImage<'i>> {
    let note = |error: Option<f64>| error.map(|error| format!("NRMSE {error:.3}"));
    let mut images = vec![
        StepImage { name: "x_tilde (prior)", image: state.x_tilde.view(), note: note(row.nrmse_xtilda) },
        StepImage { name: "x_hat (data)", image: state.x_hat.view(), note: note(row.nrmse_xhat) },
    ];
    if let Some(physics) = state.physics.as_ref().filter(|physics| physics.maps.is_some()) {
        images.push(StepImage { name: "z (physics)", image: physics.z.view(), note: note(row.nrmse_zt) });
    }
    images.extend(reference.map(|image| StepImage { name: "reference", image, note: None }));
    images
}

/// The first step, the last, and some evenly between them.
fn is_shown(iteration: usize, count: usize) -> bool {
    let shown = SHOWN.min(count);
    (0..shown).any(|i| iteration == 1 + (i * (count - 1) + shown.saturating_sub(1) / 2) / (shown - 1).max(1))
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
}
