//! Methods side by side.

use diph_core::Result;
use ndarray::ArrayView2;

use super::clip::Clip;
use super::maps_figure::relaxation_scales;
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

/// Draws T1 (upper row) and T2 (lower row) of several methods, the columns from left to right as given; the reference,
/// where there is one, is simply the first column.
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
    let rows = vec![
        row("T₁", t1_scale, &clip, methods.iter().map(|method| (method.maps.t1, method.t1_note.as_str())).collect()),
        row("T₂", t2_scale, &clip, methods.iter().map(|method| (method.maps.t2, method.t2_note.as_str())).collect()),
    ];
    let title = (!title.is_empty()).then(|| title.to_owned());
    Figure { title, column_titles: methods.iter().map(|method| method.name.clone()).collect(), rows }.draw()
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
    use ndarray::Array2;
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
    }
}
