//! A picture of all curves: one panel per axis for time, and one for memory; both directions are logarithmic.

use crate::axis::Axis;
use crate::growth::{Curve, MEMORY};

const PANEL: (f64, f64) = (300.0, 220.0);
const GAP: (f64, f64) = (70.0, 185.0);
const MARGIN: (f64, f64) = (60.0, 40.0);
/// Okabe and Ito's colours, which people with any colour vision tell apart.
const COLORS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#3c3c3c", "#999933"];
/// Axes of a row of panels; threads have too few points for a curve.
const AXES: [Axis; 4] = [Axis::Size, Axis::Frames, Axis::Coils, Axis::Atoms];

/// The picture as SVG.
pub fn svg(curves: &[Curve]) -> String {
    let width = MARGIN.0 + AXES.len() as f64 * (PANEL.0 + GAP.0);
    let height = MARGIN.1 + 2.0 * (PANEL.1 + GAP.1);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (column, axis) in AXES.into_iter().enumerate() {
        let of_axis = |memory: bool| {
            curves.iter().filter(move |curve| curve.axis == axis && (curve.quantity == MEMORY) == memory)
        };
        let left = MARGIN.0 + column as f64 * (PANEL.0 + GAP.0);
        text += &panel((left, MARGIN.1), axis, "milliseconds", 1e3, &of_axis(false).collect::<Vec<_>>());
        let top = MARGIN.1 + PANEL.1 + GAP.1;
        text += &panel((left, top), axis, "MiB", 1.0 / f64::from(1 << 20), &of_axis(true).collect::<Vec<_>>());
    }
    text + "</svg>\n"
}

fn panel(corner: (f64, f64), axis: Axis, unit: &str, factor: f64, curves: &[&Curve]) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let (Some(x), Some(y)) = (range(points().map(|point| point.0)), range(points().map(|point| point.1 * factor)))
    else {
        return String::new();
    };
    let place = |(px, py): (f64, f64)| {
        let share = |value: f64, (low, high): (f64, f64)| (value / low).ln() / (high / low).ln();
        (corner.0 + PANEL.0 * share(px, x), corner.1 + PANEL.1 * (1.0 - share(py, y)))
    };
    let (left, top, wide, high) = (corner.0, corner.1, PANEL.0, PANEL.1);
    let mut text = format!(
        "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" fill=\"none\" stroke=\"#888\"/>\n\
         <text x=\"{}\" y=\"{}\" font-weight=\"bold\">{unit} against {}</text>\n",
        left,
        top - 8.0,
        axis.name()
    );
    for value in lengths(curves) {
        let (at, _) = place((value, y.0));
        text += &format!("<line x1=\"{at:.1}\" y1=\"{top}\" x2=\"{at:.1}\" y2=\"{}\" stroke=\"#eee\"/>\n", top + high);
        text += &format!(
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            top + high + 14.0,
            short(value)
        );
    }
    for value in round_numbers(y) {
        let (_, at) = place((x.0, value));
        text +=
            &format!("<line x1=\"{left}\" y1=\"{at:.1}\" x2=\"{}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\n", left + wide);
        text += &format!("<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>\n", left - 5.0, at + 4.0);
    }
    for (index, curve) in curves.iter().enumerate() {
        let color = COLORS[index % COLORS.len()];
        let places: Vec<(f64, f64)> = curve.points.iter().map(|(px, py)| place((*px, py * factor))).collect();
        let line: Vec<String> = places.iter().map(|(px, py)| format!("{px:.1},{py:.1}")).collect();
        text +=
            &format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>\n", line.join(" "));
        for (px, py) in places {
            text += &format!("<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"2.5\" fill=\"{color}\"/>\n");
        }
        let name = if curve.quantity == MEMORY { curve.work.name() } else { &curve.quantity };
        let below = top + high + 34.0 + 15.0 * index as f64;
        text += &format!("<rect x=\"{left}\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{color}\"/>\n", below - 6.0);
        text +=
            &format!("<text x=\"{}\" y=\"{below}\">{name} (exponent {:.2})</text>\n", left + 20.0, curve.exponent());
    }
    text
}

/// Least and greatest positive number, with some room around them.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let positive = values.filter(|value| *value > 0.0);
    let (low, high) = positive.fold((f64::INFINITY, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    (low <= high).then_some((low / 1.15, high * 1.15))
}

/// 1, 2 and 5 times powers of ten within a range; powers of ten alone where that would be many.
fn round_numbers((low, high): (f64, f64)) -> impl Iterator<Item = f64> {
    let few: &[f64] = if high / low > 100.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let all = powers.flat_map(move |power| few.iter().map(move |first| first * 10f64.powi(power)));
    all.filter(move |value| (low..=high).contains(value))
}

/// The lengths that were measured.
fn lengths(curves: &[&Curve]) -> Vec<f64> {
    curves.first().map_or(Vec::new(), |curve| curve.points.iter().map(|point| point.0).collect())
}

fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", v / 1e6),
        v if v >= 1e4 => format!("{:.0}k", v / 1e3),
        v => format!("{v}"),
    }
}
