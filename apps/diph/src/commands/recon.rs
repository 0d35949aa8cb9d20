//! `diph recon`: T1, T2 and PD maps from k-space.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_datasets::{DatasetFolder, SliceId};
use diph_formats::check_writable_folder;
use diph_recon::acquisition::{AcquisitionSource, SequenceSource};
use diph_recon::config::Override;
use diph_recon::slices::{Selection, select};
use diph_recon::study::{FinishedSlice, MethodResults, Study};
use diph_recon::{Blame, Evaluation, Method, ReconError, write_bytes};
use diph_render::StudyPictures;
use diph_render::report::{Page, ReportRow};

use super::{ImageSize, print_estimate};
use crate::Context;
use crate::output::AppError;
use crate::results_table::results_table;
use crate::study_output::StudyOutput;

/// Arguments of `diph recon`.
#[derive(Args, Debug)]
pub struct ReconArgs {
    /// Folder with `synthesized_ksp`, `qmaps`, ... and `acquisition`
    #[arg(long, value_name = "DIR")]
    pub dataset: PathBuf,
    /// Volumes, for example 0 or 1-9; -1 for all
    #[arg(long, default_value = "-1", allow_hyphen_values = true)]
    pub vols: Selection,
    /// Slices, for example 5,10,15; -1 for all
    #[arg(long, default_value = "-1", allow_hyphen_values = true)]
    pub slices: Selection,
    /// How much of the sequence was kept: 0 to 4 for 1000, 500, 300, 200 and 100 frames
    #[arg(long, default_value_t = 3, value_parser = super::parse_cut)]
    pub cut: usize,
    /// A built-in method (svd-mrf, lsq, lrtv, llr, wavelet, ddpm, mrf-diph-unconditional, mrf-diph-conditional) or a
    /// method file
    #[arg(long, value_name = "NAME|FILE.json")]
    pub method: String,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Override a key of the method, for example `solver.fista.lambda=0.02`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Seed of all random numbers
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Also write `report.html`, and of annealed runs pictures and metrics of every step (`log_res.csv`, `samples_*.npz`)
    #[arg(long)]
    pub report: bool,
    /// Samples of the posterior to draw; the result is their mean, `posterior.npz` has mean and standard deviation of the maps
    #[arg(long, value_name = "N", default_value = "1")]
    pub samples: NonZero<usize>,
    /// Also write the image of every step of the solver
    #[arg(long)]
    pub dump_steps: bool,
    /// Coefficients of the temporal subspace
    #[arg(long, default_value_t = 5)]
    pub coefficients: usize,
    /// Trajectory file instead of the folder's (`.npz` or `.mat`)
    #[arg(long, value_name = "FILE")]
    pub trajectory: Option<PathBuf>,
    /// Dictionary file instead of the folder's (`.npz` or `.mat`)
    #[arg(long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// Sequence to simulate the dictionary from: fisp, deli-cs, or a JSON file
    #[arg(long, value_name = "NAME|FILE.json", conflicts_with = "dictionary")]
    pub sequence: Option<SequenceSource>,
    /// Coil sensitivities (`.npz` with `coil_maps`), or `walsh` to estimate them from the data
    #[arg(long, value_name = "FILE|walsh")]
    pub coil_maps: Option<PathBuf>,
    /// Replace results of another method, seed or data set in the folder
    #[arg(long)]
    pub force: bool,
    /// Simulate k-space from the reference maps, with noise, for slices that have none
    #[arg(long)]
    pub simulate: bool,
    /// Size of the image where the folder has no maps that tell it
    #[arg(long, value_name = "HEIGHTxWIDTH")]
    pub image_size: Option<ImageSize>,
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
        let folder = DatasetFolder::open(&self.dataset).file(&self.dataset)?;
        if !self.dry_run {
            check_writable_folder(&self.out).file(&self.out)?;
        }
        let slices = self.selected(&folder)?;
        let estimate_coils = self.coil_maps.as_deref() == Some(Path::new("walsh"));
        let source = AcquisitionSource {
            folder: &folder,
            cut: self.cut,
            coefficients: self.coefficients,
            trajectory: self.trajectory.as_deref(),
            dictionary: self.dictionary.as_deref(),
            sequence: self.sequence.as_ref(),
            coil_maps: self.coil_maps.as_deref().filter(|_| !estimate_coils),
            estimate_coils,
        };
        let registry = context.registry()?;
        let study = Study {
            registry: &registry,
            folder: &folder,
            source: &source,
            method: &method,
            overrides: &overrides,
            out: &self.out,
            seed: self.seed,
            force: self.force,
            simulate: self.simulate,
            image_size: self.image_size.map(Into::into),
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
        let (results, finished) = study.run(&slices, &mut observer)?;
        if self.report {
            let html = report(&results, &finished, &observer.pictures).to_html().step("writing the report")?;
            write_bytes(&self.out.join("report.html"), html.as_bytes())?;
        }
        context.output.result(&results, || format!("{}results in {}", results_table(&results), self.out.display()))
    }

    /// Slices that were asked for; all of those named must be there.
    fn selected(&self, folder: &DatasetFolder) -> Result<Vec<SliceId>, AppError> {
        let present = folder.slices(self.cut).file(folder.root())?;
        let place = format!("in {}", folder.root().display());
        let selected = select(&present, (&self.vols, "vols"), (&self.slices, "slices"), &place)?;
        if selected.is_empty() {
            let message = "expected `qmaps` or `synthesized_ksp` with slices, found none";
            return Err(ReconError::input(folder.root(), message).into());
        }
        Ok(selected)
    }
}

fn report(results: &MethodResults, finished: &[FinishedSlice], pictures: &StudyPictures) -> Page {
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
    Page {
        title: format!("Diph: {}", results.method),
        introduction: vec![format!("{} slices, reconstructed with the method {}.", finished.len(), results.method)],
        row_heading: "Slice".into(),
        rows,
        pictures: pictures.slices.iter().flat_map(|(_, pictures)| pictures.clone()).collect(),
        provenance: finished.iter().map(provenance).collect(),
    }
}
