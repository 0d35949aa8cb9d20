//! Tables in Markdown.

use std::fmt::Write;

use crate::axis::Axis;
use crate::growth::{Curve, along};
use crate::measurement::Measurement;
use crate::work::Work;

/// All tables: one per axis and work, then the exponents.
pub fn markdown(measured: &[Measurement]) -> String {
    let mut text = String::new();
    for axis in Axis::ALL {
        for work in Work::ALL.into_iter().filter(|work| work.depends_on(axis)) {
            text += &table(axis, work, &along(measured, axis, work)).unwrap_or_default();
        }
    }
    text += "**What grows how**: the exponent p of length^p, fitted to the logarithms; for threads, -1 would be perfect.\n\n";
    text += "| work | along | grows with exponent |\n|---|---|---|\n";
    for curve in Curve::all(measured) {
        let (work, quantity, axis) = (curve.work.name(), &curve.quantity, curve.axis.name());
        text += &format!("| {work}: {quantity} | {axis} | {:.2} |\n", curve.exponent());
    }
    text
}

fn table(axis: Axis, work: Work, rows: &[&Measurement]) -> Option<String> {
    let first = rows.first().filter(|_| rows.len() > 1)?;
    let mut text = String::new();
    let steps: Vec<&str> = first.seconds.iter().map(|(name, _)| name.as_str()).collect();
    writeln!(text, "**{}, {}**\n", work.name(), axis.name()).ok()?;
    writeln!(text, "| {} | {} | peak memory | estimate |", axis.name(), steps.join(" | ")).ok()?;
    writeln!(text, "|---|{}---|---|", "---|".repeat(steps.len())).ok()?;
    for row in rows {
        let times: Vec<String> = row.seconds.iter().map(|(_, seconds)| time(*seconds)).collect();
        let (peak, estimate) = (mebibytes(row.peak_bytes), mebibytes(row.estimate_bytes));
        writeln!(text, "| {} | {} | {peak} | {estimate} |", axis.of(&row.case), times.join(" | ")).ok()?;
    }
    text.push('\n');
    Some(text)
}

fn time(seconds: f64) -> String {
    match seconds * 1e3 {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        _ => format!("{seconds:.1} s"),
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}
