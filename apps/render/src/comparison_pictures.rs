//! The pictures of a comparison of methods and of a sweep of settings.

use diph_core::Result;
use diph_recon::comparison::{Comparison, Metric, Sweep, SweepAxis, SweptPoint};

use super::theme::PAPER;
use super::{AxisScale, BoxPlot, BoxRow, LinePlot, RgbImage, ScatterPlot, ScatterPoint, Series};

/// The metrics that pictures show, by their names in files.
const SHOWN: [&str; 2] = ["t1_mape_percent", "t2_mape_percent"];

/// Box plots over the slices, T1 and T2 side by side; `None` where no method has a reference.
///
/// # Errors
/// Those of drawing.
pub fn box_plots(comparison: &Comparison) -> Result<Option<RgbImage>> {
    side_by_side(|metric| {
        let row = |method: &diph_recon::comparison::ComparedMethod| BoxRow {
            name: method.method.clone(),
            values: method.values(metric),
        };
        let rows: Vec<BoxRow> = comparison.methods.iter().map(row).filter(|row| !row.values.is_empty()).collect();
        let plot = BoxPlot { title: metric.name.into(), label: label(metric), rows };
        (!plot.rows.is_empty()).then(|| plot.draw()).transpose()
    })
}

/// Mean time of a slice against mean error, T1 and T2 side by side; `None` where no method has a reference.
///
/// # Errors
/// Those of drawing.
pub fn time_against_error(comparison: &Comparison) -> Result<Option<RgbImage>> {
    side_by_side(|metric| {
        let point = |method: &diph_recon::comparison::ComparedMethod| {
            let mean = |key: &str| method.metrics.get(key).map(|found| found.summary.mean);
            Some(ScatterPoint { name: method.method.clone(), at: (mean("seconds")?, mean(metric.key)?) })
        };
        let points: Vec<ScatterPoint> = comparison.methods.iter().filter_map(point).collect();
        let plot = ScatterPlot {
            title: format!("Time against {}", metric.name),
            x_label: "seconds of a slice".into(),
            y_label: label(metric),
            x_scale: AxisScale::Log,
            y_scale: AxisScale::Log,
            points,
        };
        (!plot.points.is_empty()).then(|| plot.draw()).transpose()
    })
}

/// The mean error over the values of the first axis, a curve for every method and every value of the second axis, T1 and T2 side
/// by side; `None` where there is no reference.
///
/// # Errors
/// Those of drawing.
pub fn sweep_curves(sweep: &Sweep) -> Result<Option<RgbImage>> {
    let Some((axis, others)) = sweep.axes.split_first() else {
        return Ok(None);
    };
    side_by_side(|metric| {
        let plot = LinePlot {
            title: metric.name.into(),
            x_label: x_label(axis),
            y_label: label(metric),
            x_scale: if axis.is_logarithmic() { AxisScale::Log } else { AxisScale::Linear },
            y_scale: AxisScale::Linear,
            markers: true,
            series: series(sweep, axis, !others.is_empty(), metric),
        };
        (!plot.series.is_empty()).then(|| plot.draw()).transpose()
    })
}

/// One curve for every method and every value of the axes after the first.
fn series(sweep: &Sweep, axis: &SweepAxis, has_others: bool, metric: Metric) -> Vec<Series> {
    let mut curves: Vec<Series> = Vec::new();
    for point in &sweep.points {
        let place = point.settings.first().and_then(|(_, value)| axis.position(value));
        let (Some(x), Some(y)) = (place, point.mean(metric.key)) else { continue };
        let name = if has_others { curve_name(point) } else { point.method.clone() };
        match curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push((x, y)),
            None => curves.push(Series { name, points: vec![(x, y)] }),
        }
    }
    curves.iter_mut().for_each(|curve| curve.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
    curves
}

/// The method with what the later axes are set to, the last part of each key.
fn curve_name(point: &SweptPoint) -> String {
    let settings = point.settings[1..].iter().map(|(key, value)| {
        let name = key.rsplit('.').next().unwrap_or(key);
        format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    std::iter::once(point.method.clone()).chain(settings).collect::<Vec<_>>().join(", ")
}

/// The key; where its values are no numbers, which place stands for which value.
fn x_label(axis: &SweepAxis) -> String {
    if axis.is_numeric() {
        return axis.key.clone();
    }
    let values = axis.values.iter().enumerate().map(|(place, value)| format!("{place}: {value}"));
    format!("{} ({})", axis.key, values.collect::<Vec<_>>().join(", "))
}

fn label(metric: Metric) -> String {
    format!("{} [{}]", metric.name, metric.unit)
}

/// The pictures of the metrics that can be drawn, side by side.
fn side_by_side(draw: impl Fn(Metric) -> Result<Option<RgbImage>>) -> Result<Option<RgbImage>> {
    let drawn = SHOWN.into_iter().filter_map(Metric::find).map(draw).collect::<Result<Vec<_>>>()?;
    let pictures: Vec<RgbImage> = drawn.into_iter().flatten().collect();
    Ok((!pictures.is_empty()).then(|| RgbImage::beside(&pictures, PAPER)))
}

#[cfg(test)]
mod tests {
    use diph_recon::Evaluation;
    use diph_recon::comparison::SweepPoint;
    use diph_recon::study::{MethodResults, SliceResult};

    use super::*;

    fn results(method: &str, errors: Option<f64>) -> MethodResults {
        let slice = SliceResult {
            vol: 0,
            slice: 5,
            evaluation: Evaluation {
                t1_mape_percent: errors,
                t2_mape_percent: errors,
                seconds: 0.5,
                ..Evaluation::default()
            },
            iterations: None,
            stop: None,
            intensity: None,
            samples: Vec::new(),
            simulated_kspace: false,
        };
        MethodResults::new(method, vec![slice])
    }

    #[test]
    fn pictures_of_a_comparison_with_and_without_a_reference() {
        let known = Comparison::new(&[results("lrtv", Some(12.0)), results("lsq", None)], "lrtv").unwrap();
        assert!(box_plots(&known).unwrap().is_some() && time_against_error(&known).unwrap().is_some());
        let unknown = Comparison::new(&[results("lsq", None)], "lsq").unwrap();
        assert!(box_plots(&unknown).unwrap().is_none() && time_against_error(&unknown).unwrap().is_none());
    }

    #[test]
    fn a_sweep_has_a_curve_for_every_method_and_second_value() {
        let axes: Vec<SweepAxis> = vec!["a.lambda=0.1,0.01".parse().unwrap(), "b.kind=x,y".parse().unwrap()];
        let points = SweepPoint::all(&axes);
        let runs = points.iter().map(|point| (point, results("lrtv", Some(12.0)))).collect();
        let sweep = Sweep::new(axes, runs, Vec::new());
        let metric = Metric::find("t1_mape_percent").unwrap();
        let curves = series(&sweep, &sweep.axes[0], true, metric);
        let names: Vec<&str> = curves.iter().map(|curve| curve.name.as_str()).collect();
        assert_eq!(names, ["lrtv, kind=x", "lrtv, kind=y"]);
        assert_eq!(curves[0].points, [(0.01, 12.0), (0.1, 12.0)]);
        assert!(sweep_curves(&sweep).unwrap().is_some());
        assert!(x_label(&sweep.axes[1]).contains("1: \"y\""));
    }
}
