//! Whether deviations are what errors have.

use diph_core::Result;
use diph_recon::uncertainty::Reliability;

use super::theme::PAPER;
use super::{AxisScale, LinePlot, RgbImage, Series};

/// Draws, map by map side by side, the deviation that errors have over the deviation that is stated, by ranges of the samples' deviation:
/// before and after calibration, and the line on which both are equal. `title` stands before the map's name. `None` where there is
/// nothing to draw.
///
/// # Errors
/// Those of drawing.
pub fn reliability_figure(title: &str, maps: &[Reliability]) -> Result<Option<RgbImage>> {
    let drawn = maps.iter().filter(|map| !map.ranges.is_empty()).map(|map| plot(title, map).draw());
    let pictures = drawn.collect::<Result<Vec<RgbImage>>>()?;
    Ok((!pictures.is_empty()).then(|| RgbImage::beside(&pictures, PAPER)))
}

fn plot(title: &str, map: &Reliability) -> LinePlot {
    let of = |name: &str, stated: fn(&diph_recon::uncertainty::RangeReliability) -> f32| Series {
        name: name.into(),
        points: map.ranges.iter().map(|range| (100.0 * f64::from(stated(range)), 100.0 * range.observed)).collect(),
    };
    let (samples, calibrated) = (of("samples", |range| range.spread), of("calibrated", |range| range.deviation));
    let stated = samples.points.iter().chain(&calibrated.points).map(|point| point.0).filter(|stated| *stated > 0.0);
    let (least, most) = stated.fold((f64::INFINITY, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
    let equal = Series { name: "equal".into(), points: vec![(least, least), (most, most)] };
    LinePlot {
        title: format!("{title}: {}", map.map),
        x_label: "stated deviation [%]".into(),
        y_label: "deviation of errors [%]".into(),
        x_scale: AxisScale::Log,
        y_scale: AxisScale::Log,
        markers: true,
        series: vec![samples, calibrated, equal],
    }
}

#[cfg(test)]
mod tests {
    use diph_recon::uncertainty::{Coverage, RangeReliability};

    use super::*;

    #[test]
    fn a_plot_for_every_map_with_ranges() {
        let coverage = Coverage::of(&[[0.1, 0.05]]).unwrap();
        let range = |spread: f32| RangeReliability {
            range: [spread, spread],
            spread,
            deviation: 2.0 * spread,
            observed: 0.1,
            samples: coverage,
            calibrated: coverage,
        };
        let map = |name: &str, ranges| Reliability { map: name.into(), samples: None, calibrated: None, ranges };
        let full = map("T1", vec![range(0.0), range(0.1), range(0.2)]);
        let one = reliability_figure("mmse", std::slice::from_ref(&full)).unwrap().unwrap();
        let two = reliability_figure("mmse", &[full.clone(), map("PD", Vec::new()), full]).unwrap().unwrap();
        assert_eq!(two.width(), 2 * one.width());
        assert!(reliability_figure("mmse", &[map("T2", Vec::new())]).unwrap().is_none());
    }
}
