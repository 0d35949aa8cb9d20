//! Mean and standard deviation of the maps of several samples.

use diph_core::Result;
use ndarray::{Array2, ArrayView2, ArrayViewD, Axis, Zip};

use super::clip::Clip;
use super::maps_figure::relaxation_scales;
use super::visible_voxels::percentile;
use super::{ColorScale, Colormap, Figure, FigureRow, MapWindows, Panel, RgbImage, middle_plane};

/// Draws T1, T2 and |PD| of the mean and, below, the standard deviation of the samples. Both stacks are (4, y, x): T1 (s),
/// T2 (s), Re PD, Im PD; of a volume (4, z, y, x), whose middle plane is drawn. Only `shown` voxels (y, x) have a colour.
///
/// # Errors
/// [`diph_core::Error::Shape`] when shapes differ, [`diph_core::Error::Incompatible`] for stacks that are not of a plane or a
/// volume.
pub fn posterior_figure(
    title: &str,
    mean: ArrayViewD<'_, f32>,
    deviation: ArrayViewD<'_, f32>,
    shown: ArrayView2<'_, bool>,
    windows: MapWindows,
) -> Result<RgbImage> {
    let clip = Clip::to(shown, shown);
    let [t1, t2] = relaxation_scales(windows);
    let clipped = |maps: [Array2<f32>; 3]| maps.map(|map| clip.apply(map.view()));
    let (mean, deviation) = (clipped(quantities(mean)?), clipped(quantities(deviation)?));
    let grey = |map: &Array2<f32>| ColorScale::new(Colormap::Grey, 0.0, brightest(map), "|PD|");
    let mean_scales = [t1, t2, grey(&mean[2])];
    // The deviation of the complex value, which is not that of its magnitude.
    let names = ["T₁ [s]", "T₂ [s]", "PD"];
    let deviation_scales =
        [0, 1, 2].map(|i| ColorScale::new(Colormap::Lipari, 0.0, brightest(&deviation[i]), names[i]));
    let rows = vec![row("Mean", mean, mean_scales), row("Std. deviation", deviation, deviation_scales)];
    Figure { title: Some(title.to_owned()), column_titles: ["T₁", "T₂", "|PD|"].map(Into::into).into(), rows }.draw()
}

fn quantities(stack: ArrayViewD<'_, f32>) -> Result<[Array2<f32>; 3]> {
    let map = |index: usize| middle_plane(stack.index_axis(Axis(0), index));
    let pd = Zip::from(map(2)?).and(map(3)?).map_collect(|re, im| re.hypot(*im));
    Ok([map(0)?.to_owned(), map(1)?.to_owned(), pd])
}

/// End of a scale from 0; never 0 itself.
fn brightest(map: &Array2<f32>) -> f32 {
    percentile(map.iter().copied(), 98.0).max(f32::MIN_POSITIVE)
}

fn row(label: &str, maps: [Array2<f32>; 3], scales: [ColorScale; 3]) -> FigureRow {
    let panels =
        maps.into_iter().zip(scales).map(|(values, scale)| Some(Panel { values, scale, color_bar: true, note: None }));
    FigureRow { label: label.into(), panels: panels.collect() }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    #[test]
    fn samples_that_agree_are_drawn_too() {
        let (mean, deviation) = (ArrayD::from_elem(vec![4, 40, 30], 0.5f32), ArrayD::zeros(vec![4, 40, 30]));
        let shown = Array2::from_elem((40, 30), true);
        let draw = |deviation: &ArrayD<f32>| {
            posterior_figure("", mean.view(), deviation.view(), shown.view(), MapWindows::default())
        };
        let image = draw(&deviation).unwrap();
        assert!(image.width() > 3 * 300 && image.height() > 2 * 300);
    }
}
