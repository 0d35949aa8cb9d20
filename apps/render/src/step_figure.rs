//! The images of one step of a solver side by side.

use diph_core::Result;
use ndarray::{Array2, ArrayViewD, Axis};
use num_complex::Complex32;

use super::visible_voxels::percentile;
use super::{ColorScale, Colormap, Figure, FigureRow, Panel, RgbImage, middle_plane};

/// Share of the pixels below the end of the grey scale, so that a few bright ones do not darken the rest.
const BRIGHT_PERCENT: f64 = 99.5;

/// One image of a step, (coefficient, y, x), or of a volume (coefficient, z, y, x), whose middle plane is drawn.
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
/// [`diph_core::Error::Shape`] when shapes differ, [`diph_core::Error::Parameter`] when there is no image,
/// [`diph_core::Error::Incompatible`] for an image that is not of a plane or a volume.
pub fn step_figure(title: &str, images: &[StepImage<'_>]) -> Result<RgbImage> {
    let coefficients = images.first().map_or(0, |first| first.image.len_of(Axis(0)));
    let rows = (0..coefficients).map(|k| {
        let magnitude = |image: &StepImage<'_>| magnitude(image.image.index_axis(Axis(0), k));
        let notes = images.iter().map(|image| image.note.clone().filter(|_| k == 0)).collect();
        Ok(row(format!("coefficient {}", k + 1), images.iter().map(magnitude).collect::<Result<_>>()?, notes))
    });
    figure(title, images, rows.collect::<Result<_>>()?).draw()
}

/// One row for [`steps_figure`]: the norm over the coefficients of every image.
///
/// # Errors
/// [`diph_core::Error::Incompatible`] for an image that is not of a plane or a volume.
pub fn step_row(label: String, images: &[StepImage<'_>]) -> Result<FigureRow> {
    let norm = |image: &StepImage<'_>| {
        let energy = image.image.fold_axis(Axis(0), 0.0, |sum, value| sum + value.norm_sqr());
        Ok(middle_plane(energy.view())?.mapv(f32::sqrt))
    };
    let norms = images.iter().map(norm).collect::<Result<_>>()?;
    Ok(row(label, norms, images.iter().map(|image| image.note.clone()).collect()))
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

fn magnitude(image: ArrayViewD<'_, Complex32>) -> Result<Array2<f32>> {
    Ok(middle_plane(image)?.mapv(Complex32::norm))
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
        let rows = ["step 1", "step 2"].map(|label| step_row(label.into(), &images).unwrap()).to_vec();
        assert_eq!(rows[0].panels[0].as_ref().unwrap().values[[7, 7]], 50f32.sqrt());
        let by_step = steps_figure("Steps", &["x_hat", "reference"], rows).unwrap();
        assert_eq!(by_coefficient.width(), by_step.width());
        assert!(by_step.height() > by_coefficient.height(), "notes above every step");
        assert!(step_figure("none", &[]).is_err());
    }

    #[test]
    fn other_images_than_planes_and_volumes_are_refused() {
        let step = |shape: &[usize]| {
            let image = ArrayD::from_elem(shape, Complex32::ONE);
            let images = [StepImage { name: "x_hat", image: image.view(), note: None }];
            step_row("step 1".into(), &images).and_then(|_| step_figure("Step 1", &images)).map(|image| image.width())
        };
        assert_eq!(step(&[2, 3, 50, 40]).unwrap(), step(&[2, 50, 40]).unwrap());
        assert!(step(&[2, 50]).unwrap_err().to_string().contains("(y, x) or (z, y, x)"));
    }
}
