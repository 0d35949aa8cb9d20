//! The images of one step of a solver side by side.

use diph_core::Result;
use ndarray::{Array2, ArrayView2, ArrayViewD, Axis};
use num_complex::Complex32;

use super::visible_voxels::percentile;
use super::{ColorScale, Colormap, Figure, FigureRow, Panel, RgbImage};

/// Share of the pixels below the end of the grey scale, so that a few bright ones do not darken the rest.
const BRIGHT_PERCENT: f64 = 99.5;

/// One image of a step, (coefficient, y, x).
#[derive(Clone, Debug)]
pub struct StepImage<'a> {
    /// Heading of its column.
    pub name: &'static str,
    /// The image; all of a figure in the same units.
    pub image: ArrayViewD<'a, Complex32>,
    /// A short line above it, for example its error.
    pub note: Option<String>,
}

/// Draws the magnitude of every coefficient (rows) of every image (columns). The grey scale of a row is that of the last
/// image, the reference where there is one.
///
/// # Errors
/// [`diph_core::Error::Shape`] when shapes differ, [`diph_core::Error::Parameter`] when there is no image.
pub fn step_figure(title: &str, images: &[StepImage<'_>]) -> Result<RgbImage> {
    let coefficients = images.first().map_or(0, |first| first.image.len_of(Axis(0)));
    let rows = (0..coefficients).map(|k| {
        let magnitude = |image: &StepImage<'_>| magnitude(image.image.index_axis(Axis(0), k));
        let notes = images.iter().map(|image| image.note.clone().filter(|_| k == 0)).collect();
        row(format!("coefficient {}", k + 1), images.iter().map(magnitude).collect(), notes)
    });
    figure(title, images, rows.collect()).draw()
}

/// One row for [`steps_figure`]: the norm over the coefficients of every image.
pub fn step_row(label: String, images: &[StepImage<'_>]) -> FigureRow {
    let norm = |image: &StepImage<'_>| {
        let energy = image.image.fold_axis(Axis(0), 0.0, |sum, value| sum + value.norm_sqr());
        plane(energy.mapv(f32::sqrt).view())
    };
    row(label, images.iter().map(norm).collect(), images.iter().map(|image| image.note.clone()).collect())
}

/// Draws several steps (rows) under the names of their images.
///
/// # Errors
/// As [`step_figure`].
pub fn steps_figure(title: &str, names: &[&str], rows: Vec<FigureRow>) -> Result<RgbImage> {
    let column_titles = names.iter().map(|name| (*name).to_owned()).collect();
    Figure { title: Some(title.to_owned()), column_titles, rows }.draw()
}

fn figure(title: &str, images: &[StepImage<'_>], rows: Vec<FigureRow>) -> Figure {
    let column_titles = images.iter().map(|image| image.name.to_owned()).collect();
    Figure { title: Some(title.to_owned()), column_titles, rows }
}

fn row(label: String, magnitudes: Vec<Array2<f32>>, notes: Vec<Option<String>>) -> FigureRow {
    let brightest = magnitudes.last().map_or(0.0, |last| percentile(last.iter().copied(), BRIGHT_PERCENT));
    // An image of zeros is black on any scale.
    let high = if brightest > 0.0 { brightest } else { 1.0 };
    let scale = ColorScale::new(Colormap::Grey, 0.0, high, "magnitude");
    let last = magnitudes.len().saturating_sub(1);
    let panel =
        |(column, (values, note))| Some(Panel { values, scale: scale.clone(), color_bar: column == last, note });
    FigureRow { label, panels: magnitudes.into_iter().zip(notes).enumerate().map(panel).collect() }
}

fn magnitude(image: ArrayViewD<'_, Complex32>) -> Array2<f32> {
    plane(image.mapv(Complex32::norm).view())
}

/// As two axes; an image that has others has nothing to show.
fn plane(values: ArrayViewD<'_, f32>) -> Array2<f32> {
    let plane: Result<ArrayView2<'_, f32>, _> = values.into_dimensionality();
    plane.map(|plane| plane.to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ndarray::{ArrayD, IxDyn};

    use super::*;

    #[test]
    fn a_row_for_each_coefficient_or_step() {
        let image = ArrayD::from_elem(IxDyn(&[2, 100, 100]), Complex32::new(3.0, -4.0));
        let named = |name| StepImage { name, image: image.view(), note: Some("NRMSE 0.5".into()) };
        let images = [named("x_hat"), named("reference")];
        let by_coefficient = step_figure("Step 1", &images).unwrap();
        let rows = vec![step_row("step 1".into(), &images), step_row("step 2".into(), &images)];
        assert_eq!(rows[0].panels[0].as_ref().unwrap().values[[7, 7]], 50f32.sqrt());
        let by_step = steps_figure("Steps", &["x_hat", "reference"], rows).unwrap();
        assert_eq!(by_coefficient.width(), by_step.width());
        assert!(by_step.height() > by_coefficient.height(), "notes above every step");
        assert!(step_figure("none", &[]).is_err());
    }
}
