//! `diph compare`: methods over the same slices.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_datasets::{DatasetFolder, QuantitativeMaps, SliceId};
use diph_formats::check_writable_folder;
use diph_recon::acquisition::MeasurementSource;
use diph_recon::comparison::{
    Comparison, Metric, common_slices, comparison_csv, comparison_markdown, few_slices, missing_slices, slices_csv,
};
use diph_recon::evaluation::whole_head;
use diph_recon::study::{MethodResults, SliceResult, StoredSlice};
use diph_recon::{Blame, Method, ReconError, SomeSlices, write_bytes, write_json};
use diph_render::report::{Page, Picture, ReportRow};
use diph_render::{
    ComparedMethod, MapWindows, MapsView, RgbImage, box_plots, comparison_with_errors, middle_plane, time_against_error,
};

use super::{MeasurementArgs, Work, counted};
use crate::Context;
use crate::output::{AppError, Table};
use crate::study_output::StudyOutput;

/// Metrics of the table on the terminal; the files have all.
const SHOWN: [&str; 9] = [
    "t1_mape_percent",
    "t2_mape_percent",
    "t1_bias_percent",
    "t2_bias_percent",
    "t1_median_ape_percent",
    "t2_median_ape_percent",
    "head_t1_mape_percent",
    "head_t2_mape_percent",
    "seconds",
];

/// Arguments of `diph compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Which measurement
    #[command(flatten)]
    pub measurement: MeasurementArgs,
    /// Methods: built-in names or method files, separated by commas
    #[arg(long, value_name = "NAME|FILE.json,..", value_delimiter = ',', required = true)]
    pub methods: Vec<String>,
    /// The method that the others are set against, slice by slice (default: the first)
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,
    /// Folder for results, tables and figures
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Samples of the methods that draw them from a posterior, of which the result is the mean; other methods have one result
    #[arg(long, value_name = "N", default_value = "1")]
    pub samples: NonZero<usize>,
    /// Slices, evenly spread, of which maps and errors are drawn
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub figures: usize,
}

impl CompareArgs {
    /// Runs what is missing and writes `comparison.md`, `.csv`, `.json`, `slices.csv`, figures and `report.html`.
    ///
    /// # Errors
    /// Naming the flag, the file or the step to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let methods = read_methods(&self.methods)?;
        let opened = self.measurement.open(context)?;
        let from = opened.source();
        check_writable_folder(&self.out).file(&self.out)?;
        let baseline = self.baseline.as_ref().unwrap_or(&methods[0].name);
        if methods.iter().all(|method| method.name != *baseline) {
            let message = format!("expected the name of one of --methods, got {baseline}");
            return Err(AppError::usage("--baseline", message));
        }
        let slices = self.measurement.selected(from)?;
        let (results, some) = self.results(context, from, &methods, &slices)?;
        let (results, left_out) = common_slices(&results);
        match results.iter().find(|results| results.method == *baseline) {
            Some(of_baseline) if !of_baseline.slices.is_empty() => {
                let left_out = left_out.iter().map(ToString::to_string).collect();
                let failed = some.failed.clone();
                let comparison = Comparison { left_out, failed, ..Comparison::new(&results, baseline)? };
                self.write(context, from, &results, &comparison)?;
            }
            _ => context.output.warn("no tables: there is no slice that the baseline and every other method has"),
        }
        Ok(some.check()?)
    }

    /// Writes tables, figures and report.
    fn write(
        &self,
        context: &Context,
        from: MeasurementSource<'_>,
        results: &[MethodResults],
        comparison: &Comparison,
    ) -> Result<(), AppError> {
        write_json(&self.out.join("comparison.json"), comparison)?;
        write_bytes(&self.out.join("comparison.md"), comparison_markdown(comparison).as_bytes())?;
        write_bytes(&self.out.join("comparison.csv"), comparison_csv(comparison).as_bytes())?;
        write_bytes(&self.out.join("slices.csv"), slices_csv(comparison).as_bytes())?;
        let pictures = self.draw(from, results, comparison)?;
        let html = page(results, comparison, pictures).to_html().step("writing the report")?;
        write_bytes(&self.out.join("report.html"), html.as_bytes())?;
        context.output.result(comparison, || summary(comparison, &self.out))
    }

    /// Results of every method, those that are there already and those that are made now.
    fn results(
        &self,
        context: &Context,
        from: MeasurementSource<'_>,
        methods: &[Method],
        slices: &[SliceId],
    ) -> Result<(Vec<MethodResults>, SomeSlices), AppError> {
        let registry = self.measurement.registry(context)?;
        let mut observer = StudyOutput::new(&context.output);
        let (mut results, mut some) = (Vec::new(), SomeSlices::default());
        for method in methods {
            let out = &self.out.join(&method.name);
            let work = Work { method, overrides: &[], samples: self.samples, brightness: None, out };
            let run = self.measurement.resume(context, &registry, from, slices, work, &mut observer)?;
            some.finished += run.results.slices.len();
            some.failed.extend(run.failed);
            results.push(run.results);
        }
        Ok((results, some))
    }

    fn draw(
        &self,
        from: MeasurementSource<'_>,
        results: &[MethodResults],
        comparison: &Comparison,
    ) -> Result<Vec<Picture>, AppError> {
        let mut pictures = Vec::new();
        let mut keep = |name: &str, caption: &str, image: Option<RgbImage>| -> Result<(), ReconError> {
            let Some(image) = image else { return Ok(()) };
            let png = image.to_png().step("drawing the comparison")?;
            write_bytes(&self.out.join(name), &png)?;
            pictures.push(Picture { caption: caption.into(), png });
            Ok(())
        };
        keep("boxes.png", "Errors of the slices", box_plots(comparison).step("drawing the box plots")?)?;
        keep("time.png", "Mean time against mean error", time_against_error(comparison).step("drawing the times")?)?;
        let Some(folder) = from.folder() else { return Ok(pictures) };
        let compared = results.first().map_or(&[][..], |results| &results.slices);
        let with_maps: Vec<SliceId> =
            compared.iter().map(SliceResult::id).filter(|id| folder.maps_path(*id).exists()).collect();
        for id in evenly(&with_maps, self.figures) {
            let figure = self.maps_figure(folder, results, id)?;
            keep(&format!("maps_{id}.png"), &format!("{id}: maps and errors over the whole head"), Some(figure))?;
        }
        Ok(pictures)
    }

    fn maps_figure(
        &self,
        folder: &DatasetFolder,
        results: &[MethodResults],
        id: SliceId,
    ) -> Result<RgbImage, ReconError> {
        let reference = folder.maps(id).file(&folder.maps_path(id))?;
        let maps_of = |results: &MethodResults| StoredSlice::new(&self.out.join(&results.method), id).maps();
        let maps: Vec<QuantitativeMaps> = results.iter().map(maps_of).collect::<Result<_, _>>()?;
        let step = "drawing the maps of the comparison";
        let columns = results.iter().zip(&maps).map(|(results, maps)| column(results, maps, id));
        let columns: Vec<ComparedMethod<'_>> = columns.collect::<diph_core::Result<_>>().step(step)?;
        let head = whole_head(reference.pd.view());
        let shown = middle_plane(head.view()).step(step)?;
        let reference = MapsView::of_maps(&reference).step(step)?;
        comparison_with_errors(&id.to_string(), reference, &columns, shown, MapWindows::default()).step(step)
    }
}

fn column<'a>(
    results: &MethodResults,
    maps: &'a QuantitativeMaps,
    id: SliceId,
) -> diph_core::Result<ComparedMethod<'a>> {
    let slice = results.slices.iter().find(|slice| (slice.vol, slice.slice) == (id.vol, id.slice));
    let note = |value: Option<f64>| value.map_or_else(String::new, |value| format!("MAPE {value:.1} %"));
    Ok(ComparedMethod {
        name: results.method.clone(),
        maps: MapsView::of_maps(maps)?,
        t1_note: note(slice.and_then(|slice| slice.evaluation.t1_mape_percent)),
        t2_note: note(slice.and_then(|slice| slice.evaluation.t2_mape_percent)),
    })
}

/// Reads methods; their names are those of folders, so that each must be there once.
///
/// # Errors
/// Naming the file, the key or the name to blame.
pub(super) fn read_methods(names: &[String]) -> Result<Vec<Method>, AppError> {
    let methods = names.iter().map(|name| Ok(Method::read(name, &[])?)).collect::<Result<Vec<Method>, AppError>>()?;
    for (index, method) in methods.iter().enumerate() {
        if methods[..index].iter().any(|other| other.name == method.name) {
            let message = format!("two methods bear the name {}; give the file of one another `name`", method.name);
            return Err(AppError::usage("--methods", message));
        }
    }
    Ok(methods)
}

/// At most `count` of the slices, evenly spread.
fn evenly(slices: &[SliceId], count: usize) -> Vec<SliceId> {
    let count = count.min(slices.len());
    (0..count).map(|index| slices[(2 * index + 1) * slices.len() / (2 * count)]).collect()
}

fn page(results: &[MethodResults], comparison: &Comparison, pictures: Vec<Picture>) -> Page {
    let row = |results: &MethodResults| ReportRow { name: results.method.clone(), evaluation: results.mean.clone() };
    let slices = comparison.slices();
    let mut introduction =
        vec![format!("Means over {}; every method reconstructed the same measurements.", counted(slices))];
    introduction.extend(few_slices(slices));
    introduction.extend(missing_slices(&comparison.left_out, &comparison.failed));
    Page {
        title: "Diph: methods side by side".into(),
        introduction,
        row_heading: "Method".into(),
        rows: results.iter().map(row).collect(),
        pictures,
        provenance: Vec::new(),
    }
}

fn summary(comparison: &Comparison, out: &Path) -> String {
    let metrics = || SHOWN.into_iter().filter_map(Metric::find);
    let heading = |first: &str| -> Vec<String> {
        std::iter::once(first.to_owned()).chain(metrics().map(|metric| metric.name.replace("median", "med."))).collect()
    };
    let mut means = Table::new(array(heading("mean ± deviation")));
    let mut differences = Table::new(array(heading(&format!("against {}", comparison.baseline))));
    for method in &comparison.methods {
        let found = |metric: Metric| method.metrics.get(metric.key);
        let mean = |metric: Metric| match found(metric).map(|found| found.summary) {
            None => "-".to_owned(),
            Some(summary) => {
                let deviation = summary.deviation.map(|deviation| format!(" ± {}", metric.text(deviation)));
                format!("{}{}", metric.text(summary.mean), deviation.unwrap_or_default())
            }
        };
        means.row(array(std::iter::once(method.method.clone()).chain(metrics().map(mean)).collect()));
        if method.method == comparison.baseline {
            continue;
        }
        let difference = |metric: Metric| match found(metric).and_then(|found| found.difference) {
            None => "-".to_owned(),
            Some(difference) => {
                let signed = |value: f64| format!("{value:+.*}", metric.decimals);
                let interval = difference.interval.map(|(low, high)| format!(" [{}, {}]", signed(low), signed(high)));
                format!("{}{}", signed(difference.mean), interval.unwrap_or_default())
            }
        };
        differences.row(array(std::iter::once(method.method.clone()).chain(metrics().map(difference)).collect()));
    }
    let mut text = means.to_string();
    if comparison.methods.len() > 1 {
        text += &format!("\n{differences}");
    }
    let notes = few_slices(comparison.slices()).into_iter();
    let notes = notes.chain(missing_slices(&comparison.left_out, &comparison.failed));
    let note: String = notes.map(|note| format!("{note}\n")).collect();
    let percent = (100.0 * comparison.confidence).round();
    format!(
        "{text}Errors in percent; paired differences with {percent} % intervals. {note}tables, figures and report in {}",
        out.display()
    )
}

/// The cells of a row of the terminal's table.
fn array(cells: Vec<String>) -> [String; SHOWN.len() + 1] {
    let mut cells = cells.into_iter();
    std::array::from_fn(|_| cells.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use diph_recon::comparison::METRICS;

    use super::*;

    #[test]
    fn every_shown_metric_exists() {
        assert!(SHOWN.iter().all(|key| METRICS.iter().any(|metric| metric.key == *key)));
    }

    #[test]
    fn slices_are_spread() {
        let slices: Vec<SliceId> = (0..30).map(|slice| SliceId::new(0, slice)).collect();
        let numbers = |count| evenly(&slices, count).iter().map(|id| id.slice).collect::<Vec<_>>();
        assert_eq!(numbers(3), [5, 15, 25]);
        assert_eq!(numbers(1), [15]);
        assert_eq!(numbers(99).len(), 30);
        assert!(evenly(&[], 3).is_empty());
    }

    #[test]
    fn a_name_is_taken_once() {
        let error = read_methods(&["lrtv".into(), "lrtv".into()]).unwrap_err().to_string();
        assert!(error.starts_with("--methods: two methods bear the name lrtv"), "{error}");
    }
}
