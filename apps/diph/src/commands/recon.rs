//! `diph recon`: T1, T2 and PD maps from k-space.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use diph_formats::check_writable_folder;
use diph_recon::comparison::missing_slices;
use diph_recon::config::Override;
use diph_recon::study::{FinishedSlice, Study, StudyRun};
use diph_recon::{Blame, Evaluation, Method, SomeSlices, write_bytes};
use diph_render::StudyPictures;
use diph_render::report::{Page, ReportRow};

use super::{MeasurementArgs, counted, print_estimate};
use crate::Context;
use crate::output::AppError;
use crate::results_table::results_table;
use crate::study_output::StudyOutput;

/// Arguments of `diph recon`.
#[derive(Args, Debug)]
pub struct ReconArgs {
    /// Which measurement
    #[command(flatten)]
    pub measurement: MeasurementArgs,
    /// A built-in method (svd-mrf, lsq, lrtv, llr, wavelet, mmse, unet, ddpm, mrf-diph-unconditional, mrf-diph-conditional,
    /// posterior-unconditional, posterior-conditional) or a
    /// method file
    #[arg(long, value_name = "NAME|FILE.json")]
    pub method: String,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Override a key of the method, for example `solver.fista.lambda=0.02`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Also write `report.html`, and of annealed runs pictures and metrics of every step (`log_res.csv`, `samples_*.npz`)
    #[arg(long)]
    pub report: bool,
    /// Samples of the posterior to draw: the result is the posterior's mean, and `maps.npz` gets `t1_deviation`, `t2_deviation` and
    /// `pd_deviation`, calibrated where the method has a calibration; the samples are in `samples`
    #[arg(long, value_name = "N", default_value = "1")]
    pub samples: NonZero<usize>,
    /// Also write the image of every step of the solver
    #[arg(long)]
    pub dump_steps: bool,
    /// Say how much memory it would need, and stop
    #[arg(long)]
    pub dry_run: bool,
}

impl ReconArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the flag, the file or the step to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let overrides = self.overrides.iter().map(|text| text.parse()).collect::<Result<Vec<Override>, _>>()?;
        let method = Method::read(&self.method, &overrides)?;
        let opened = self.measurement.open(context)?;
        if !self.dry_run {
            check_writable_folder(&self.out).file(&self.out)?;
        }
        let slices = self.measurement.selected(opened.source())?;
        let source = self.measurement.source(opened.source());
        let registry = self.measurement.registry(context)?;
        let study = Study {
            registry: &registry,
            source: &source,
            method: &method,
            overrides: &overrides,
            out: &self.out,
            seed: self.measurement.seed,
            force: self.measurement.force,
            simulate: self.measurement.simulate,
            brightness: None,
            image_size: self.measurement.image_size,
            dump_steps: self.dump_steps,
            log_results: self.report,
            samples: self.samples,
            cancel: &context.cancel,
            memory: context.memory,
            hashes: &context.hashes,
            command_line: &context.command_line,
        };
        let mut observer = StudyOutput::new(&context.output);
        if self.dry_run {
            let estimate = study.plan(&study.read_acquisition(&slices)?, &slices, &mut observer)?;
            return print_estimate(context, &estimate);
        }
        let run = study.run(&slices, &mut observer)?;
        let some = SomeSlices { finished: run.results.slices.len(), failed: run.failed.clone() };
        if some.finished == 0 {
            return Ok(some.check()?);
        }
        if self.report {
            let html = report(&run, &observer.pictures).to_html().step("writing the report")?;
            write_bytes(&self.out.join("report.html"), html.as_bytes())?;
        }
        let words = || format!("{}results in {}", results_table(&run.results), self.out.display());
        context.output.result(&run.results, words)?;
        Ok(some.check()?)
    }
}

fn report(run: &StudyRun, pictures: &StudyPictures) -> Page {
    let StudyRun { results, made, failed } = run;
    let row = |name: String, evaluation| ReportRow { name, evaluation };
    let mut rows = Vec::new();
    for slice in &results.slices {
        let name = format!("volume {}, slice {}", slice.vol, slice.slice);
        match slice.samples.len() {
            0 => rows.push(row(name, slice.evaluation.clone())),
            count => {
                rows.push(row(format!("{name}: mean of {count} samples"), slice.evaluation.clone()));
                rows.push(row(format!("{name}: one sample, on average"), Evaluation::mean(&slice.samples)));
            }
        }
    }
    if results.slices.len() > 1 {
        rows.push(row("mean".into(), results.mean.clone()));
    }
    let provenance = |slice: &FinishedSlice| (slice.id.to_string(), serde_json::json!(slice.provenance));
    let mut introduction = vec![format!("{}, reconstructed with the method {}.", counted(made.len()), results.method)];
    introduction.extend(missing_slices(&[], failed));
    introduction.extend(made.iter().map(|slice| format!("{}: {}.", slice.id, slice.summary)));
    Page {
        title: format!("Diph: {}", results.method),
        introduction,
        row_heading: "Slice".into(),
        rows,
        pictures: pictures.slices.iter().flat_map(|(_, pictures)| pictures.clone()).collect(),
        provenance: made.iter().map(provenance).collect(),
    }
}
