//! Methods side by side.

use diph_core::Result;
use ndarray::{Array2, ArrayView2};

use super::clip::Clip;
use super::maps_figure::{error_scale, relative_error, relaxation_scales};
use super::theme::PAPER;
use super::{ColorScale, Figure, FigureRow, MapWindows, MapsView, Panel, RgbImage};

/// One column of the comparison.
#[derive(Clone, Debug)]
pub struct ComparedMethod<'a> {
    /// Heading of the column.
    pub name: String,
    /// The maps of the method.
    pub maps: MapsView<'a>,
    /// Line above the T1 map, for example `MAPE 11.6 %, median 8.0 %`; empty for none.
    pub t1_note: String,
    /// Line above the T2 map; empty for none.
    pub t2_note: String,
}

/// Most columns of a picture that still says something on a page.
const MOST_COLUMNS: usize = 8;

/// Draws T1 (upper row) and T2 (lower row) of several methods, the columns from left to right as given; the reference,
/// where there is one, is simply the first column. More than eight methods go on below in further pairs of rows.
///
/// All arrays are (y, x). Voxels that are not `shown` (for example the [`visible_voxels`](super::visible_voxels) of the
/// reference) are black, and the picture is cropped to the others.
///
/// # Errors
/// [`diph_core::Error::Shape`] when shapes differ, [`diph_core::Error::Parameter`] when there is no method.
pub fn comparison_figure(
    title: &str,
    methods: &[ComparedMethod<'_>],
    shown: ArrayView2<'_, bool>,
    windows: MapWindows,
) -> Result<RgbImage> {
    for method in methods {
        method.maps.require_shape(shown.dim())?;
    }
    let [t1_scale, t2_scale] = relaxation_scales(windows);
    let clip = Clip::to(shown, shown);
    let band = |index: usize, methods: &[ComparedMethod<'_>]| {
        let t1 = methods.iter().map(|method| (method.maps.t1, method.t1_note.as_str())).collect();
        let t2 = methods.iter().map(|method| (method.maps.t2, method.t2_note.as_str())).collect();
        let rows = vec![row("T₁", t1_scale.clone(), &clip, t1), row("T₂", t2_scale.clone(), &clip, t2)];
        let title = (index == 0 && !title.is_empty()).then(|| title.to_owned());
        Figure { title, column_titles: methods.iter().map(|method| method.name.clone()).collect(), rows }.draw()
    };
    let bands = methods.len().div_ceil(MOST_COLUMNS).max(1);
    let columns = methods.len().div_ceil(bands);
    match methods.len() {
        0 => band(0, methods),
        _ => {
            let bands = methods.chunks(columns).enumerate().map(|(index, methods)| band(index, methods));
            Ok(RgbImage::below(&bands.collect::<Result<Vec<RgbImage>>>()?, PAPER))
        }
    }
}

/// Draws T1 and T2 of the reference and of several methods in the first two rows, and the signed relative errors of the methods
/// in the two below.
///
/// All arrays are (y, x); `shown` as in [`comparison_figure`]: the reference's visible voxels, or the whole head.
///
/// # Errors
/// As [`comparison_figure`].
pub fn comparison_with_errors(
    title: &str,
    reference: MapsView<'_>,
    methods: &[ComparedMethod<'_>],
    shown: ArrayView2<'_, bool>,
    windows: MapWindows,
) -> Result<RgbImage> {
    reference.require_shape(shown.dim())?;
    for method in methods {
        method.maps.require_shape(shown.dim())?;
    }
    let [t1_scale, t2_scale] = relaxation_scales(windows);
    let clip = Clip::to(shown, shown);
    let maps = |label: &str,
                scale,
                of: fn(&MapsView<'_>) -> Array2<f32>,
                note: for<'m> fn(&'m ComparedMethod<'_>) -> &'m str| {
        let own = methods.iter().map(|method| (of(&method.maps), note(method)));
        let all: Vec<(Array2<f32>, &str)> = std::iter::once((of(&reference), "")).chain(own).collect();
        row(label, scale, &clip, all.iter().map(|(map, note)| (map.view(), *note)).collect())
    };
    let errors = |label: &str, name: &str, of: fn(&MapsView<'_>) -> Array2<f32>| {
        let truth = of(&reference);
        let errors: Vec<Array2<f32>> = methods.iter().map(|method| relative_error(&of(&method.maps), &truth)).collect();
        let scale = error_scale(name, windows);
        let mut row = row(label, scale, &clip, errors.iter().map(|error| (error.view(), "")).collect());
        row.panels.insert(0, None);
        row
    };
    let rows = vec![
        maps("T₁", t1_scale, t1_of, |method| &method.t1_note),
        maps("T₂", t2_scale, t2_of, |method| &method.t2_note),
        errors("T₁ error", "T₁", t1_of),
        errors("T₂ error", "T₂", t2_of),
    ];
    let title = (!title.is_empty()).then(|| title.to_owned());
    let names = std::iter::once("reference".to_owned()).chain(methods.iter().map(|method| method.name.clone()));
    Figure { title, column_titles: names.collect(), rows }.draw()
}

fn t1_of(maps: &MapsView<'_>) -> Array2<f32> {
    maps.t1.to_owned()
}

fn t2_of(maps: &MapsView<'_>) -> Array2<f32> {
    maps.t2.to_owned()
}

/// One quantity of all methods; they share the colour bar at the end.
fn row(label: &str, scale: ColorScale, clip: &Clip<'_>, maps: Vec<(ArrayView2<'_, f32>, &str)>) -> FigureRow {
    let last = maps.len().saturating_sub(1);
    let panels = maps.into_iter().enumerate().map(|(column, (values, note))| {
        let note = (!note.is_empty()).then(|| note.to_owned());
        Some(Panel { values: clip.apply(values), scale: scale.clone(), color_bar: column == last, note })
    });
    FigureRow { label: label.into(), panels: panels.collect() }
}

#[cfg(test)]
mod tests {
    use num_complex::Complex32;

    use super::*;

    #[test]
    fn every_method_adds_a_column() {
        let (time, pd) = (Array2::from_elem((100, 100), 0.1f32), Array2::from_elem((100, 100), Complex32::ONE));
        let maps = MapsView { t1: time.view(), t2: time.view(), pd: pd.view() };
        let method =
            ComparedMethod { name: "SVD-MRF".into(), maps, t1_note: "MAPE 80 %".into(), t2_note: String::new() };
        let mask = Array2::from_elem((100, 100), true);
        let draw = |count| comparison_figure("", &vec![method.clone(); count], mask.view(), MapWindows::default());
        let (one, two) = (draw(1).unwrap(), draw(2).unwrap());
        assert!(two.width() - one.width() >= 300);
        assert_eq!(one.height(), two.height());
        assert!(draw(0).is_err());
        let (eight, nine) = (draw(8).unwrap(), draw(9).unwrap());
        assert!(nine.width() < eight.width() && nine.height() == 2 * one.height(), "five above four");
        let with_errors = comparison_with_errors("", maps, &[method], mask.view(), MapWindows::default()).unwrap();
        assert!(with_errors.height() > 2 * one.height() - 100 && with_errors.width() >= two.width());
    }
}
