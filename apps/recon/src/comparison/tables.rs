//! Tables of comparisons and sweeps: Markdown for people, CSV for programs.

use std::fmt::Write;

use super::sweep::text;
use super::{
    ComparedMethod, Comparison, METRICS, Metric, PairedDifference, Summary, Sweep, SweptPoint, missing_slices,
};
use crate::evaluation::{MapErrors, RegionErrors, VoxelClass, VoxelErrors};
use crate::study::SliceResult;

/// Fewer slices than these make intervals that are mostly luck.
const FEW: usize = 10;

/// A sentence to put under a table of few slices; `None` where there are enough.
pub fn few_slices(slices: usize) -> Option<String> {
    (slices < FEW).then(|| {
        let plural = if slices == 1 { "" } else { "s" };
        format!("Only {slices} slice{plural}: deviations and intervals say little.")
    })
}

/// A comparison as Markdown: means and deviations, differences to the baseline, errors by region and tissue, and by range.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let mut page = String::from("Mean ± standard deviation over the slices.\n\n");
    let known = |metric: &Metric| comparison.methods.iter().any(|method| method.metrics.contains_key(metric.key));
    let metrics: Vec<Metric> = METRICS.into_iter().filter(known).collect();
    let names: Vec<String> = metrics.iter().map(|metric| metric.name.to_owned()).collect();
    let row = |method: &ComparedMethod| -> Vec<String> {
        let summary = |metric: &Metric| method.metrics.get(metric.key).map(|found| found.summary);
        metrics.iter().map(|metric| mean_and_deviation(*metric, summary(metric))).collect()
    };
    let all = comparison.methods.iter().map(|method| (method.method.clone(), row(method)));
    table(&mut page, "method", &names, all);

    let percent = (100.0 * comparison.confidence).round();
    let _ = write!(
        page,
        "\nPaired difference to {}, slice by slice, with its {percent} % confidence interval (Student's t).\n\n",
        comparison.baseline
    );
    let difference = |method: &ComparedMethod| -> Vec<String> {
        let of = |metric: &Metric| method.metrics.get(metric.key).and_then(|found| found.difference);
        metrics.iter().map(|metric| difference_and_interval(*metric, of(metric))).collect()
    };
    let others = comparison.methods.iter().filter(|method| method.method != comparison.baseline);
    table(&mut page, "method", &names, others.map(|method| (method.method.clone(), difference(method))));
    notes(&mut page, comparison.slices(), missing_slices(&comparison.left_out, &comparison.failed));
    regions(&mut page, comparison);
    page
}

/// Errors by region, tissue and range, for every method: mean absolute error and, in brackets, bias.
fn regions(page: &mut String, comparison: &Comparison) {
    let known: Vec<_> = comparison
        .methods
        .iter()
        .filter_map(|method| Some((method.method.clone(), method.regions.as_ref()?)))
        .collect();
    if known.is_empty() {
        return;
    }
    page.push_str(
        "\nErrors by region, and by tissue of the whole head: mean absolute error and, in brackets, bias, in %.\n\n",
    );
    let mut names = both("mask");
    names.extend(both("head"));
    names.extend(VoxelClass::TISSUES.iter().flat_map(|class| both(class.name)));
    let tissues = |head: &RegionErrors| {
        VoxelClass::TISSUES.into_iter().flat_map(|class| errors_of(head.class(class.name))).collect::<Vec<_>>()
    };
    let rows = known.iter().map(|(method, regions)| {
        let [mask, head] = [&regions.mask, &regions.head].map(|region| errors_of(Some(&region.maps)));
        (method.clone(), mask.into_iter().chain(head).chain(tissues(&regions.head)).collect())
    });
    table(page, "method", &names, rows);
    /// A map, its ranges, and how its errors are found among those of all maps.
    type Ranges = (&'static str, [VoxelClass; 6], fn(&MapErrors) -> Option<VoxelErrors>);
    let maps: [Ranges; 2] =
        [("T1", VoxelClass::T1_RANGES, |errors| errors.t1), ("T2", VoxelClass::T2_RANGES, |errors| errors.t2)];
    for (map, ranges, of) in maps {
        let _ = write!(page, "\n{map} errors by range of {map} over the whole head, in %.\n\n");
        let names: Vec<String> = ranges.iter().map(|range| range.name.to_owned()).collect();
        let rows = known.iter().map(|(method, regions)| {
            let errors = ranges.iter().map(|range| error_and_bias(regions.head.class(range.name).and_then(of)));
            (method.clone(), errors.collect())
        });
        table(page, "method", &names, rows);
    }
}

fn both(name: &str) -> Vec<String> {
    ["T1", "T2"].map(|map| format!("{name} {map}")).into()
}

fn errors_of(errors: Option<&MapErrors>) -> [String; 2] {
    [error_and_bias(errors.and_then(|errors| errors.t1)), error_and_bias(errors.and_then(|errors| errors.t2))]
}

fn error_and_bias(errors: Option<VoxelErrors>) -> String {
    errors.map_or("-".into(), |errors| format!("{:.1} ({:+.1})", errors.mape_percent, errors.bias_percent))
}

fn mean_and_deviation(metric: Metric, summary: Option<Summary>) -> String {
    let unit = if metric.unit == "%" { " %" } else { "" };
    match summary {
        None => "-".into(),
        Some(Summary { mean, deviation: None, .. }) => format!("{}{unit}", metric.text(mean)),
        Some(Summary { mean, deviation: Some(deviation), .. }) => {
            format!("{} ± {}{unit}", metric.text(mean), metric.text(deviation))
        }
    }
}

fn difference_and_interval(metric: Metric, difference: Option<PairedDifference>) -> String {
    let signed = |value: f64| format!("{value:+.*}", metric.decimals);
    match difference {
        None => "-".into(),
        Some(PairedDifference { mean, interval: None, .. }) => signed(mean),
        Some(PairedDifference { mean, interval: Some((low, high)), .. }) => {
            format!("{} [{}, {}]", signed(mean), signed(low), signed(high))
        }
    }
}

/// A Markdown table.
fn table(page: &mut String, corner: &str, names: &[String], rows: impl Iterator<Item = (String, Vec<String>)>) {
    let _ = writeln!(page, "| {corner} | {} |", names.join(" | "));
    let _ = writeln!(page, "|---|{}", "---|".repeat(names.len()));
    for (name, cells) in rows {
        let _ = writeln!(page, "| {name} | {} |", cells.join(" | "));
    }
}

/// Means, deviations and differences of a comparison as CSV, one line for every method and metric.
pub fn comparison_csv(comparison: &Comparison) -> String {
    let mut csv = String::from("method,metric,unit,slices,mean,deviation,baseline,difference,low,high\n");
    for method in &comparison.methods {
        for metric in METRICS {
            let Some(found) = method.metrics.get(metric.key) else { continue };
            let Summary { slices, mean, deviation } = found.summary;
            let difference = found.difference.map(|difference| difference.mean);
            let interval = found.difference.and_then(|difference| difference.interval);
            let numbers = [difference, interval.map(|(low, _)| low), interval.map(|(_, high)| high)].map(number);
            let start = [cell(&method.method), metric.key.into(), metric.unit.into(), slices.to_string()];
            let middle = [mean.to_string(), number(deviation), cell(&comparison.baseline)];
            push_line(&mut csv, start.into_iter().chain(middle).chain(numbers));
        }
    }
    csv
}

/// Every metric of every slice as CSV, and the errors of every region and class: method, volume, slice, metric, region, class,
/// value.
pub fn slices_csv(comparison: &Comparison) -> String {
    let mut csv = String::from("method,vol,slice,region,class,metric,value\n");
    for method in &comparison.methods {
        for slice in &method.slices {
            let mut line = |region: &str, class: &str, metric: &str, value: f64| {
                let place = [cell(&method.method), slice.vol.to_string(), slice.slice.to_string()];
                push_line(
                    &mut csv,
                    place.into_iter().chain([region.into(), cell(class), metric.into(), value.to_string()]),
                );
            };
            slice_lines(slice, &mut line);
        }
    }
    csv
}

fn slice_lines(slice: &SliceResult, line: &mut dyn FnMut(&str, &str, &str, f64)) {
    for metric in METRICS {
        if let Some(value) = (metric.value)(&slice.evaluation) {
            line("", "", metric.key, value);
        }
    }
    let Some(regions) = &slice.evaluation.regions else { return };
    for (region, errors) in [("mask", &regions.mask), ("head", &regions.head)] {
        let classes = errors.classes.iter().map(|class| (class.class.as_str(), &class.maps));
        for (class, maps) in std::iter::once(("all", &errors.maps)).chain(classes) {
            for (map, errors) in [("t1", maps.t1), ("t2", maps.t2), ("pd", maps.pd)] {
                let Some(errors) = errors else { continue };
                line(region, class, &format!("{map}_voxels"), errors.voxels as f64);
                line(region, class, &format!("{map}_mape_percent"), errors.mape_percent);
                line(region, class, &format!("{map}_bias_percent"), errors.bias_percent);
                line(region, class, &format!("{map}_median_ape_percent"), errors.median_ape_percent);
            }
        }
    }
}

/// A sweep as a Markdown table, the lowest T1 and T2 MAPE of every method in bold.
pub fn sweep_markdown(sweep: &Sweep) -> String {
    let known = |metric: &Metric| sweep.points.iter().any(|point| point.metrics.contains_key(metric.key));
    let metrics: Vec<Metric> = METRICS.into_iter().filter(known).collect();
    let keys = sweep.axes.iter().map(|axis| axis.key.clone());
    let names: Vec<String> = keys.chain(metrics.iter().map(|metric| metric.name.to_owned())).collect();
    let row = |point: &SweptPoint| {
        let settings = point.settings.iter().map(|(_, value)| text(value));
        let cells = metrics.iter().map(|metric| {
            let cell = mean_and_deviation(*metric, point.metrics.get(metric.key).copied());
            let is_best = metric.key.ends_with("mape_percent") && sweep.best(&point.method, metric.key) == Some(point);
            if is_best { format!("**{cell}**") } else { cell }
        });
        (point.method.clone(), settings.chain(cells).collect())
    };
    let mut page = String::from("Mean ± standard deviation over the slices; the lowest mean of a method in bold.\n\n");
    table(&mut page, "method", &names, sweep.points.iter().map(row));
    notes(&mut page, sweep.slices(), missing_slices(&sweep.left_out, &sweep.failed));
    page
}

/// What is to be known about a table, each sentence a paragraph.
fn notes(page: &mut String, slices: usize, missing: Vec<String>) {
    for note in few_slices(slices).into_iter().chain(missing) {
        let _ = write!(page, "\n{note}\n");
    }
}

/// A sweep as CSV, one line for every method, point and metric.
pub fn sweep_csv(sweep: &Sweep) -> String {
    let mut csv = String::new();
    let keys = sweep.axes.iter().map(|axis| cell(&axis.key));
    let ends = ["metric", "unit", "slices", "mean", "deviation"].map(String::from);
    push_line(&mut csv, std::iter::once("method".to_owned()).chain(keys).chain(ends));
    for point in &sweep.points {
        for metric in METRICS {
            let Some(Summary { slices, mean, deviation }) = point.metrics.get(metric.key) else { continue };
            let settings = point.settings.iter().map(|(_, value)| cell(&text(value)));
            let numbers = [slices.to_string(), mean.to_string(), number(*deviation)];
            let end = [metric.key.to_owned(), metric.unit.to_owned()].into_iter().chain(numbers);
            push_line(&mut csv, std::iter::once(cell(&point.method)).chain(settings).chain(end));
        }
    }
    csv
}

fn push_line(csv: &mut String, cells: impl Iterator<Item = String>) {
    csv.push_str(&cells.collect::<Vec<_>>().join(","));
    csv.push('\n');
}

/// Text as a CSV cell: quoted where it holds a comma, a quote or a line break (RFC 4180).
fn cell(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.into(),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::SweepPoint;
    use crate::study::MethodResults;
    use crate::{Evaluation, FailedSlice};

    fn results(method: &str, t1: [f64; 3]) -> MethodResults {
        let slice = |(slice, t1)| SliceResult {
            vol: 0,
            slice,
            evaluation: Evaluation { t1_mape_percent: Some(t1), seconds: 0.5, ..Evaluation::default() },
            iterations: None,
            stop: None,
            intensity: None,
            samples: Vec::new(),
            simulated_kspace: false,
        };
        MethodResults::new(method, t1.into_iter().enumerate().map(slice).collect())
    }

    #[test]
    fn a_comparison_in_markdown_and_csv() {
        let both = [results("lrtv", [12.0, 13.0, 14.0]), results("mmse", [11.0, 11.0, 11.0])];
        let comparison = Comparison::new(&both, "lrtv").unwrap();
        let page = comparison_markdown(&comparison);
        assert!(
            page.contains("| method | T1 MAPE | seconds |\n|---|---|---|\n| lrtv | 13.0 ± 1.0 % | 0.50 ± 0.00 |"),
            "{page}"
        );
        // Differences -1, -2, -3: half width 4.3027 / sqrt(3) = 2.484.
        assert!(page.contains("| mmse | -2.0 [-4.5, +0.5] |"), "{page}");
        assert!(page.contains("Only 3 slices"));
        let csv = comparison_csv(&comparison);
        assert!(csv.contains("\nlrtv,t1_mape_percent,%,3,13,1,lrtv,,,\n"), "{csv}");
        assert!(csv.contains("\nmmse,t1_mape_percent,%,3,11,0,lrtv,-2,-4.48"), "{csv}");
        assert!(slices_csv(&comparison).contains("\nmmse,0,2,,,t1_mape_percent,11\n"));
        assert_eq!(few_slices(FEW), None);
    }

    #[test]
    fn a_sweep_marks_the_best_of_each_method() {
        let axes = vec!["solver.fista.lambda=0.01,0.1".parse().unwrap()];
        let points = SweepPoint::all(&axes);
        let run = |index: usize, t1| (&points[index], results("lrtv", [t1; 3]));
        let failed = FailedSlice { method: "unet".into(), slice: "vol0_slice0".into(), reason: "it died".into() };
        let sweep = Sweep::new(axes, vec![run(0, 14.0), run(1, 12.0)], vec![failed]);
        let page = sweep_markdown(&sweep);
        assert!(
            page.contains("| lrtv | 0.01 | 14.0 ± 0.0 % |") && page.contains("| lrtv | 0.1 | **12.0 ± 0.0 %** |"),
            "{page}"
        );
        assert!(page.ends_with("\nFailed: unet vol0_slice0: it died\n"), "{page}");
        let csv = sweep_csv(&sweep);
        assert!(
            csv.starts_with(
                "method,solver.fista.lambda,metric,unit,slices,mean,deviation\nlrtv,0.01,t1_mape_percent,%,3,14,0\n"
            ),
            "{csv}"
        );
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
