//! `diph sweep`: methods over ranges of settings.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_formats::check_writable_folder;
use diph_recon::comparison::{Sweep, SweepAxis, SweepPoint, few_slices, missing_slices, sweep_csv, sweep_markdown};
use diph_recon::config::Override;
use diph_recon::{Blame, FailedSlice, Method, SomeSlices, write_bytes, write_json};
use diph_render::sweep_curves;

use super::compare::read_methods;
use super::{MeasurementArgs, Work};
use crate::Context;
use crate::output::{AppError, Table};
use crate::study_output::StudyOutput;

/// Arguments of `diph sweep`.
#[derive(Args, Debug)]
pub struct SweepArgs {
    /// Which measurement
    #[command(flatten)]
    pub measurement: MeasurementArgs,
    /// Methods: built-in names or method files, separated by commas
    #[arg(long, visible_alias = "method", value_name = "NAME|FILE.json,..", value_delimiter = ',', required = true)]
    pub methods: Vec<String>,
    /// A key of the methods and its values, for example `solver.annealed.data.lambda=1e-4,1e-3,1e-2`; twice for all combinations
    #[arg(long = "set-range", value_name = "KEY=VALUE,VALUE,..", required = true)]
    pub ranges: Vec<SweepAxis>,
    /// Override a key of every method at every point, for example `solver.annealed.iterations=20`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Folder for results, tables and curves
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Samples of the methods that draw them from a posterior, of which the result is the mean; other methods have one result
    #[arg(long, value_name = "N", default_value = "1")]
    pub samples: NonZero<usize>,
}

impl SweepArgs {
    /// Runs what is missing and writes `sweep.md`, `.csv`, `.json` and `sweep.png`.
    ///
    /// # Errors
    /// Naming the flag, the file or the step to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        if self.ranges.len() > 2 || self.ranges.len() == 2 && self.ranges[0].key == self.ranges[1].key {
            return Err(AppError::usage("--set-range", "expected one key, or two different ones"));
        }
        let fixed = self.overrides.iter().map(|text| text.parse()).collect::<Result<Vec<Override>, _>>()?;
        let points = SweepPoint::all(&self.ranges);
        Sweep::check_folders(&points)?;
        let names: Vec<String> = read_methods(&self.methods)?.into_iter().map(|method| method.name).collect();
        let runs = self.runs(&names, &points, &fixed)?;
        let folder = self.measurement.open(context)?;
        check_writable_folder(&self.out).file(&self.out)?;
        let slices = self.measurement.selected(folder.source())?;
        let registry = self.measurement.registry(context)?;
        let mut observer = StudyOutput::new(&context.output);
        let (mut swept, mut some) = (Vec::new(), SomeSlices::default());
        for Run { point, method, overrides, out } in &runs {
            let work = Work { method, overrides, samples: self.samples, brightness: None, out };
            let run = self.measurement.resume(context, &registry, folder.source(), &slices, work, &mut observer)?;
            some.finished += run.results.slices.len();
            some.failed.extend(run.failed.into_iter().map(|slice| {
                let method = format!("{} {}", slice.method, point.folder().display());
                FailedSlice { method, ..slice }
            }));
            swept.push((*point, run.results));
        }
        let sweep = Sweep::new(self.ranges.clone(), swept, some.failed.clone());
        if sweep.slices() > 0 {
            self.write(&sweep)?;
            context.output.result(&sweep, || summary(&sweep, &self.out))?;
        }
        Ok(some.check()?)
    }

    /// Every method at every point. All are read before the first runs, so that a key that one of them lacks is told at once.
    fn runs<'a>(
        &'a self,
        names: &[String],
        points: &'a [SweepPoint],
        fixed: &[Override],
    ) -> Result<Vec<Run<'a>>, AppError> {
        let mut runs = Vec::new();
        for (file, name) in self.methods.iter().zip(names) {
            for point in points {
                let overrides = [fixed, &point.overrides()[..]].concat();
                let method = Method::read(file, &overrides)?;
                method.check_overrides(&overrides)?;
                runs.push(Run { point, method, overrides, out: self.out.join(name).join(point.folder()) });
            }
        }
        Ok(runs)
    }

    fn write(&self, sweep: &Sweep) -> Result<(), AppError> {
        write_json(&self.out.join("sweep.json"), sweep)?;
        write_bytes(&self.out.join("sweep.md"), sweep_markdown(sweep).as_bytes())?;
        write_bytes(&self.out.join("sweep.csv"), sweep_csv(sweep).as_bytes())?;
        if let Some(curves) = sweep_curves(sweep).step("drawing the curves")? {
            let png = curves.to_png().step("drawing the curves")?;
            write_bytes(&self.out.join("sweep.png"), &png)?;
        }
        Ok(())
    }
}

/// A method at a point.
struct Run<'a> {
    point: &'a SweepPoint,
    method: Method,
    overrides: Vec<Override>,
    out: PathBuf,
}

fn summary(sweep: &Sweep, out: &Path) -> String {
    let mut table = Table::new(["method", "settings", "T1 MAPE", "T2 MAPE", "head T1", "head T2", "seconds"]);
    for point in &sweep.points {
        let settings: Vec<String> = point.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let percent = |key: &str| point.mean(key).map_or("-".into(), |mean| format!("{mean:.1} %"));
        table.row([
            point.method.clone(),
            settings.join(" "),
            percent("t1_mape_percent"),
            percent("t2_mape_percent"),
            percent("head_t1_mape_percent"),
            percent("head_t2_mape_percent"),
            point.mean("seconds").map_or("-".into(), |mean| format!("{mean:.2}")),
        ]);
    }
    for note in few_slices(sweep.slices()).into_iter().chain(missing_slices(&sweep.left_out, &sweep.failed)) {
        table.note(note);
    }
    table.note(format!("tables and curves in {}", out.display()));
    table.to_string()
}
