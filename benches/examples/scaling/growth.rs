//! How fast something grows.

use crate::axis::Axis;
use crate::measurement::Measurement;
use crate::work::Work;

/// A quantity along an axis.
pub struct Curve {
    pub work: Work,
    pub axis: Axis,
    /// A step, or memory.
    pub quantity: String,
    /// (length, seconds or bytes), ascending.
    pub points: Vec<(f64, f64)>,
}

/// The name of the memory among the quantities.
pub const MEMORY: &str = "peak memory";

impl Curve {
    /// Every quantity along every axis. Other lengths are those of the base.
    pub fn all(measured: &[Measurement]) -> Vec<Self> {
        let mut curves: Vec<Self> = Vec::new();
        for axis in Axis::ALL {
            for work in Work::ALL.into_iter().filter(|work| work.depends_on(axis)) {
                let rows = along(measured, axis, work);
                let Some(first) = rows.first().filter(|_| rows.len() > 1) else { continue };
                let steps = first.seconds.iter().map(|(name, _)| name.clone()).chain([MEMORY.to_string()]);
                curves.extend(steps.map(|quantity| {
                    let points = rows.iter().map(|row| (axis.of(&row.case) as f64, value(row, &quantity)));
                    Self { work, axis, points: points.collect(), quantity }
                }));
            }
        }
        curves
    }

    /// Exponent p of `length^p`: slope of the least-squares line through the logarithms.
    pub fn exponent(&self) -> f64 {
        let logs: Vec<(f64, f64)> = self.points.iter().map(|(x, y)| (x.ln(), y.max(1e-9).ln())).collect();
        let count = logs.len() as f64;
        let mean = |part: fn(&(f64, f64)) -> f64| logs.iter().map(part).sum::<f64>() / count;
        let (x_mean, y_mean) = (mean(|log| log.0), mean(|log| log.1));
        let product: f64 = logs.iter().map(|(x, y)| (x - x_mean) * (y - y_mean)).sum();
        let square: f64 = logs.iter().map(|(x, _)| (x - x_mean).powi(2)).sum();
        product / square
    }
}

/// What was measured of a work along an axis, ascending.
pub fn along(measured: &[Measurement], axis: Axis, work: Work) -> Vec<&Measurement> {
    let base = crate::case::Case { work, ..crate::case::Case::BASE };
    let on_axis = |row: &&Measurement| axis.set(base, axis.of(&row.case)) == row.case;
    let mut rows: Vec<&Measurement> = measured.iter().filter(on_axis).collect();
    rows.sort_by_key(|row| axis.of(&row.case));
    rows
}

fn value(row: &Measurement, quantity: &str) -> f64 {
    match row.seconds.iter().find(|(name, _)| name == quantity) {
        Some((_, seconds)) => *seconds,
        None => row.peak_bytes as f64,
    }
}
