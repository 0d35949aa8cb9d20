//! Maps, how sure they are, and which of their voxels are to be trusted.

use diph_core::Result;
use diph_recon::uncertainty::{Deviations, Uncertainty};
use ndarray::{Array2, ArrayD, ArrayView2, Zip};
use num_complex::Complex32;

use super::clip::Clip;
use super::maps_figure::relaxation_scales;
use super::visible_voxels::percentile;
use super::{ColorScale, Colormap, Figure, FigureRow, MapWindows, MapsView, Panel, RgbImage, middle_plane};

/// Draws T1, T2 and |PD| of an estimate; below, the deviations of their logarithms in percent, where there are any; and the maps once
/// more where they are to be trusted, the rest black. Of a volume the middle plane is drawn. Only `shown` voxels (y, x) have a colour.
///
/// # Errors
/// [`diph_core::Error::Shape`] when shapes differ, [`diph_core::Error::Incompatible`] for maps that are not of a plane or a volume.
pub fn posterior_figure(
    title: &str,
    estimate: MapsView<'_>,
    uncertainty: &Uncertainty,
    shown: ArrayView2<'_, bool>,
    windows: MapWindows,
) -> Result<RgbImage> {
    estimate.require_shape(shown.dim())?;
    let trusted = middle_plane(uncertainty.trusted.view())?;
    let sound = Zip::from(shown).and(trusted).map_collect(|shown, trusted| *shown && *trusted);
    let (all, sound) = (Clip::to(shown, shown), Clip::to(sound.view(), shown));
    let maps = [estimate.t1.to_owned(), estimate.t2.to_owned(), estimate.pd.mapv(Complex32::norm)];
    let [t1, t2] = relaxation_scales(windows);
    let scales = [t1, t2, ColorScale::new(Colormap::Grey, 0.0, brightest(&all.apply(maps[2].view())), "|PD|")];
    let mut rows = vec![row("Estimate", &maps, &scales, &all)];
    if let Some(deviations) = &uncertainty.deviations {
        let maps = in_percent(deviations)?;
        let label = if uncertainty.is_calibrated { "Deviation" } else { "Spread of samples" };
        let scale = |index: usize| {
            let most = brightest(&all.apply(maps[index].view()));
            ColorScale::new(Colormap::Lipari, 0.0, most, ["T₁ [%]", "T₂ [%]", "|PD| [%]"][index])
        };
        rows.push(row(label, &maps, &[0, 1, 2].map(scale), &all));
    }
    rows.push(row("Trusted", &maps, &scales, &sound));
    Figure { title: Some(title.to_owned()), column_titles: ["T₁", "T₂", "|PD|"].map(Into::into).into(), rows }.draw()
}

fn in_percent(deviations: &Deviations) -> Result<[Array2<f32>; 3]> {
    let map = |map: &ArrayD<f32>| middle_plane(map.view()).map(|plane| plane.mapv(|deviation| 100.0 * deviation));
    Ok([map(&deviations.t1)?, map(&deviations.t2)?, map(&deviations.pd)?])
}

/// End of a scale from 0; never 0 itself.
fn brightest(map: &Array2<f32>) -> f32 {
    percentile(map.iter().copied(), 98.0).max(f32::MIN_POSITIVE)
}

fn row(label: &str, maps: &[Array2<f32>; 3], scales: &[ColorScale; 3], clip: &Clip<'_>) -> FigureRow {
    let panel = |(values, scale): (&Array2<f32>, &ColorScale)| {
        Some(Panel { values: clip.apply(values.view()), scale: scale.clone(), color_bar: true, note: None })
    };
    FigureRow { label: label.into(), panels: maps.iter().zip(scales).map(panel).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_that_agree_are_drawn_too() {
        let map = |value: f32| Array2::from_elem((40, 30), value);
        let (t1, pd) = (map(1.0), Array2::from_elem((40, 30), Complex32::ONE));
        let view = MapsView { t1: t1.view(), t2: t1.view(), pd: pd.view() };
        let shown = Array2::from_elem((40, 30), true);
        let none = map(0.0).into_dyn();
        let deviations = Deviations { t1: none.clone(), t2: none.clone(), pd: none };
        let mut uncertainty =
            Uncertainty { trusted: shown.clone().into_dyn(), deviations: Some(deviations), is_calibrated: true };
        let draw = |uncertainty: &Uncertainty| {
            posterior_figure("", view, uncertainty, shown.view(), MapWindows::default()).unwrap()
        };
        let image = draw(&uncertainty);
        assert!(image.width() > 3 * 300 && image.height() > 3 * 300);
        uncertainty.deviations = None;
        assert!(draw(&uncertainty).height() < image.height());
    }
}
