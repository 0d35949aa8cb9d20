//! The maps of one result, and how far they are from the truth.

use diph_core::Result;
use ndarray::{Array2, ArrayView2, Zip};
use num_complex::Complex32;

use super::clip::Clip;
use super::visible_voxels::percentile;
use super::{ColorScale, Colormap, Figure, FigureRow, MapWindows, MapsView, Panel, RgbImage, visible_voxels};

/// Draws T1, T2 and |PD| of a result; where a reference is known, the reference and the signed relative errors below.
///
/// All arrays are (y, x). Maps are shown where the PD of the reference (of the result, without one) is visible
/// ([`visible_voxels`]), errors inside the mask, where metrics are taken; the rest is black, and the picture is cropped to
/// what is shown. PD is known up to a factor only, so |PD| of the result is first scaled to the reference (least squares
/// inside the mask).
///
/// # Errors
/// [`diph_core::Error::Shape`] when the shapes differ.
pub fn maps_figure(
    title: &str,
    result: MapsView<'_>,
    reference: Option<MapsView<'_>>,
    mask: ArrayView2<'_, bool>,
    windows: MapWindows,
) -> Result<RgbImage> {
    let shape = mask.dim();
    result.require_shape(shape)?;
    let mut shown = Quantities::of(result);
    let Some(truth) = reference else {
        let visible = visible_voxels(result.pd);
        let scales = scales(windows, &shown.pd);
        return figure(title, vec![shown.row("", scales, &Clip::to(visible.view(), visible.view()))]).draw();
    };
    truth.require_shape(shape)?;
    let visible = visible_voxels(truth.pd);
    let all = Zip::from(&visible).and(mask).map_collect(|&visible, &inside| visible || inside);
    let (maps, errors) = (Clip::to(visible.view(), all.view()), Clip::to(mask, all.view()));

    let truth = Quantities::of(truth);
    shown.pd *= scale_to(&truth.pd, &shown.pd, mask);
    let scales = scales(windows, &truth.pd);
    let error_scales = ["T₁", "T₂", "|PD|"].map(|name| error_scale(name, windows));
    let rows = vec![
        shown.row("Result", scales.clone(), &maps),
        truth.row("Reference", scales, &maps),
        shown.errors(&truth).row("Error", error_scales, &errors),
    ];
    figure(title, rows).draw()
}

/// Scales of T1 and T2.
pub(super) fn relaxation_scales(windows: MapWindows) -> [ColorScale; 2] {
    let scale = |map, (low, high): (f32, f32), label: &str| ColorScale::new(map, low, high, label);
    [scale(Colormap::Lipari, windows.t1_s, "T₁ [s]"), scale(Colormap::Navia, windows.t2_s, "T₂ [s]")]
}

/// Scale of the signed error of a quantity, in percent.
pub(super) fn error_scale(quantity: &str, windows: MapWindows) -> ColorScale {
    let limit = windows.error_percent;
    ColorScale::new(Colormap::Vik, -limit, limit, format!("{quantity} error [%]"))
}

/// The three maps that are drawn in a row: seconds and any unit, or percent.
struct Quantities {
    t1: Array2<f32>,
    t2: Array2<f32>,
    pd: Array2<f32>,
}

impl Quantities {
    fn of(maps: MapsView<'_>) -> Self {
        Self { t1: maps.t1.to_owned(), t2: maps.t2.to_owned(), pd: maps.pd.mapv(Complex32::norm) }
    }

    fn errors(&self, reference: &Self) -> Self {
        Self {
            t1: relative_error(&self.t1, &reference.t1),
            t2: relative_error(&self.t2, &reference.t2),
            pd: relative_error(&self.pd, &reference.pd),
        }
    }

    fn row(&self, label: &str, scales: [ColorScale; 3], clip: &Clip<'_>) -> FigureRow {
        let panel = |(values, scale): (&Array2<f32>, ColorScale)| {
            Some(Panel { values: clip.apply(values.view()), scale, color_bar: true, note: None })
        };
        FigureRow {
            label: label.into(),
            panels: [&self.t1, &self.t2, &self.pd].into_iter().zip(scales).map(panel).collect(),
        }
    }
}

fn figure(title: &str, rows: Vec<FigureRow>) -> Figure {
    let title = (!title.is_empty()).then(|| title.to_owned());
    Figure { title, column_titles: ["T₁", "T₂", "|PD|"].map(String::from).to_vec(), rows }
}

fn scales(windows: MapWindows, pd: &Array2<f32>) -> [ColorScale; 3] {
    let [t1, t2] = relaxation_scales(windows);
    [t1, t2, ColorScale::new(Colormap::Grey, 0.0, brightest(pd), "|PD| [a.u.]")]
}

/// The 99.5th percentile: a few bright voxels shall not darken the map. 1 where that is not positive.
fn brightest(pd: &Array2<f32>) -> f32 {
    let value = percentile(pd.iter().copied(), 99.5);
    if value > 0.0 { value } else { 1.0 }
}

/// The factor that brings `pd` closest to `reference` inside the mask; 1 where `pd` is 0.
fn scale_to(reference: &Array2<f32>, pd: &Array2<f32>, mask: ArrayView2<'_, bool>) -> f32 {
    let (mut cross, mut energy) = (0f64, 0f64);
    Zip::from(reference).and(pd).and(mask).for_each(|&reference, &pd, &inside| {
        if inside {
            cross += f64::from(reference) * f64::from(pd);
            energy += f64::from(pd) * f64::from(pd);
        }
    });
    if energy > 0.0 { (cross / energy) as f32 } else { 1.0 }
}

/// Percent of the reference; NaN where that is 0.
pub(super) fn relative_error(values: &Array2<f32>, reference: &Array2<f32>) -> Array2<f32> {
    Zip::from(values).and(reference).map_collect(|&value, &reference| {
        if reference == 0.0 { f32::NAN } else { 100.0 * (value - reference) / reference }
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn maps(factor: f32) -> (Array2<f32>, Array2<f32>, Array2<Complex32>) {
        let t1 = Array2::from_shape_fn((40, 50), |(y, x)| 0.05 * (y + x) as f32 * factor);
        let t2 = t1.mapv(|t1| t1 / 20.0);
        (t1, t2, Array2::from_elem((40, 50), Complex32::new(0.0, 0.01 * factor)))
    }

    #[test]
    fn three_rows_with_a_reference_and_one_without() {
        let (result, truth) = (maps(1.2), maps(1.0));
        let view = |maps: &(Array2<f32>, Array2<f32>, Array2<Complex32>)| -> RgbImage {
            let view = MapsView { t1: maps.0.view(), t2: maps.1.view(), pd: maps.2.view() };
            let truth = MapsView { t1: truth.0.view(), t2: truth.1.view(), pd: truth.2.view() };
            let mask = Array2::from_shape_fn((40, 50), |(y, x)| (10..30).contains(&y) && (10..30).contains(&x));
            let lone = maps_figure("", view, None, mask.view(), MapWindows::default()).unwrap();
            let full = maps_figure("", view, Some(truth), mask.view(), MapWindows::default()).unwrap();
            assert!(full.height() > 2 * lone.height());
            assert!(full.height() > 3 * 300 && full.width() > 3 * 300);
            full
        };
        assert_eq!(view(&result), view(&result));
    }

    #[test]
    fn shapes_must_agree() {
        let truth = maps(1.0);
        let view = MapsView { t1: truth.0.view(), t2: truth.1.view(), pd: truth.2.view() };
        let mask = Array2::from_elem((40, 40), true);
        let error = maps_figure("", view, None, mask.view(), MapWindows::default()).unwrap_err();
        assert_eq!(error.to_string(), "figure: expected maps [40, 40], got [40, 50]");
    }

    #[test]
    fn errors_are_signed_percent_and_pd_is_scaled() {
        let error = relative_error(&array![[1.5, 0.5, 1.0]], &array![[1.0, 1.0, 0.0]]);
        assert_eq!((error[[0, 0]], error[[0, 1]]), (50.0, -50.0));
        assert!(error[[0, 2]].is_nan());
        let mask = array![[true, true, false]];
        let scale = scale_to(&array![[2.0, 4.0, 100.0]], &array![[1.0, 2.0, 3.0]], mask.view());
        assert_eq!(scale, 2.0);
        assert_eq!(scale_to(&array![[2.0, 4.0, 1.0]], &array![[0.0, 0.0, 0.0]], mask.view()), 1.0);
        assert_eq!(brightest(&array![[0.0, 0.0, 0.0]]), 1.0);
    }
}
