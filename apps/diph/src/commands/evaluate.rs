//! `diph evaluate`: results against reference maps.

use std::path::{Path, PathBuf};

use clap::Args;
use diph_core::ParameterMaps;
use diph_datasets::{DatasetFolder, QuantitativeMaps, SampleResults, SliceId};
use diph_formats::{NpzFile, OutputFile, check_not_input};
use diph_recon::config::first_difference;
use diph_recon::memory::{files, program};
use diph_recon::slices::{Selection, read_truth, select};
use diph_recon::study::{MethodResults, SliceResult, StoredSlice};
use diph_recon::uncertainty::Uncertainty;
use diph_recon::{Blame, Evaluation, ReconError, json_bytes, parameter_maps};
use ndarray::{ArrayD, Axis, IxDyn};
use num_complex::Complex32;

use crate::Context;
use crate::output::AppError;
use crate::results_table::results_table;

/// Arguments of `diph evaluate`.
#[derive(Args, Debug)]
pub struct EvaluateArgs {
    /// Folder with the reference maps
    #[arg(long, value_name = "DIR")]
    pub dataset: PathBuf,
    /// Results: a folder that `diph recon` wrote, or a `samples_*.npz` of the Python MRF-DiPh code
    #[arg(long, value_name = "DIR|FILE.npz")]
    pub results: PathBuf,
    /// Volumes to evaluate; for `samples_*.npz` those that it holds, in order
    #[arg(long, default_value = "-1", allow_hyphen_values = true)]
    pub vols: Selection,
    /// Slices to evaluate; for `samples_*.npz` those that it holds, in order
    #[arg(long, default_value = "-1", allow_hyphen_values = true)]
    pub slices: Selection,
    /// Compare images too, with the reference of this cut: 0 to 4 for 1000, 500, 300, 200 and 100 frames
    #[arg(long, value_parser = super::parse_cut)]
    pub cut: Option<usize>,
    /// Also write the metrics to this file
    #[arg(long, value_name = "FILE.json")]
    pub out: Option<PathBuf>,
    /// Replace a file of that name that holds something else
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// Files of a reconstructed slice that are read.
const OF_SLICE: [&str; 4] = ["maps.npz", "tsmi.npz", "method.json", "metrics.json"];

/// A result that is to be judged.
struct Candidate {
    id: SliceId,
    maps: ParameterMaps,
    tsmi: Option<ArrayD<Complex32>>,
    uncertainty: Option<Uncertainty>,
}

impl EvaluateArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the file to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let folder = DatasetFolder::open(&self.dataset).file(&self.dataset)?;
        let path = self.out.as_deref();
        let out = path.map(|path| OutputFile::new(path, self.force, &[&self.results]).file(path)).transpose()?;
        let candidates = match self.results.is_dir() {
            true => self.of_folder(context)?,
            false => {
                check_memory(context, [self.results.as_path()])?;
                self.of_samples(&folder)?
            }
        };
        if candidates.is_empty() {
            let message = "expected results of the selected slices, found none";
            return Err(ReconError::input(&self.results, message).into());
        }
        let of_slice = |candidate: &Candidate| {
            let folder = self.results.join(candidate.id.to_string());
            OF_SLICE.map(|name| folder.join(name))
        };
        let mut read: Vec<PathBuf> = candidates.iter().flat_map(of_slice).collect();
        let mut slices = Vec::new();
        for candidate in &candidates {
            context.cancel.check()?;
            slices.push(self.judge(&folder, candidate, &mut read)?);
        }
        let name = self.results.file_stem().map_or("results".into(), |name| name.to_string_lossy().into_owned());
        let results = MethodResults::new(name, slices);
        if let (Some(out), Some(path)) = (out, path) {
            check_not_input(path, read.iter().map(PathBuf::as_path)).file(path)?;
            out.write(&json_bytes(&results).file(path)?).file(path)?;
        }
        context.output.result(&results, || results_table(&results))
    }

    fn judge(
        &self,
        folder: &DatasetFolder,
        candidate: &Candidate,
        files: &mut Vec<PathBuf>,
    ) -> Result<SliceResult, ReconError> {
        let truth = read_truth(folder, candidate.id, self.cut, files)?;
        let mut evaluation = Evaluation::of_maps(&candidate.maps, &truth).file(&self.results)?;
        if let Some(tsmi) = &candidate.tsmi {
            evaluation = evaluation.with_tsmi(tsmi, &truth).file(&self.results)?;
        }
        if let Some(uncertainty) = &candidate.uncertainty {
            evaluation = evaluation.with_certainty(&candidate.maps, uncertainty, &truth).file(&self.results)?;
        }
        Ok(SliceResult {
            vol: candidate.id.vol,
            slice: candidate.id.slice,
            evaluation,
            iterations: None,
            stop: None,
            intensity: None,
            samples: Vec::new(),
            simulated_kspace: false,
        })
    }

    /// Every `vol{v}_slice{s}` below the folder that is selected. All must be finished and of one method: their mean would mean
    /// nothing otherwise.
    fn of_folder(&self, context: &Context) -> Result<Vec<Candidate>, ReconError> {
        let stored = StoredSlice::list(&self.results)?;
        let present: Vec<SliceId> = stored.iter().map(|slice| slice.id).collect();
        let place = format!("in {}", self.results.display());
        let ids = select(&present, (&self.vols, "vols"), (&self.slices, "slices"), &place)?;
        let selected: Vec<&StoredSlice> = stored.iter().filter(|slice| ids.contains(&slice.id)).collect();
        let mut first = None;
        for slice in &selected {
            check_memory(
                context,
                ["maps.npz", "tsmi.npz"].map(|name| slice.folder.join(name)).iter().map(PathBuf::as_path),
            )?;
            if !slice.is_finished()? {
                let message = "unfinished, for it has no metrics.json; reconstruct it again, or select other slices";
                return Err(ReconError::input(&slice.folder, message));
            }
            let method = slice.method()?.unwrap_or_default();
            let (of_first, first_method) = first.get_or_insert_with(|| (slice.id, method.clone()));
            if let Some(difference) = first_difference(first_method, &method) {
                let message = format!("another method than that of {of_first}: {difference} here; evaluate them apart");
                return Err(ReconError::input(&slice.folder, message.replace("is asked for here", "here")));
            }
        }
        selected.into_iter().map(of_stored).collect()
    }

    /// The n-th sample is the n-th selected slice, volumes first. Images are still divided by the intensity factor.
    fn of_samples(&self, folder: &DatasetFolder) -> Result<Vec<Candidate>, AppError> {
        let path = &self.results;
        let samples = SampleResults::read(path).file(path)?;
        let factor = folder.intensity_factors().file(&folder.intensity_factors_path())?.reference;
        let count = samples.qmaps.len_of(Axis(0));
        let ids: Vec<SliceId> =
            self.vols.named().flat_map(|vol| self.slices.named().map(move |slice| SliceId::new(vol, slice))).collect();
        if ids.len() != count {
            let message = format!("expected as many slices as the file has samples ({count}), got {}", ids.len());
            return Err(AppError::usage("--vols, --slices", message));
        }
        let without_matching = samples.z_t.iter().all(|value| *value == Complex32::ZERO);
        let images = if without_matching { &samples.x_hat } else { &samples.z_t };
        let candidate = |(index, id): (usize, SliceId)| {
            let qmaps = samples.qmaps.index_axis(Axis(0), index).into_dyn();
            let maps = QuantitativeMaps::from_stacked(qmaps).file(path)?;
            let tsmi = images.index_axis(Axis(0), index).mapv(|value| value * factor).into_dyn();
            Ok(Candidate { id, maps: parameter_maps(&maps), tsmi: Some(tsmi), uncertainty: None })
        };
        ids.into_iter().enumerate().map(candidate).collect()
    }
}

/// Fails on files that hold more than there is room for, however small they are on disk.
fn check_memory<'a>(context: &Context, paths: impl IntoIterator<Item = &'a Path>) -> Result<(), ReconError> {
    let reading = program().and(files(paths));
    Ok(context.memory.check("reading the results", &reading, "evaluate fewer samples, or check the files")?)
}

fn of_stored(slice: &StoredSlice) -> Result<Candidate, ReconError> {
    let maps = slice.maps()?;
    let path = slice.folder.join("tsmi.npz");
    let read = |file: &mut NpzFile| file.array::<Complex32, IxDyn>("tsmi", "(coefficient, [z,] y, x)");
    let tsmi = NpzFile::open(&path).and_then(|mut file| read(&mut file)).file(&path)?;
    Ok(Candidate { id: slice.id, maps: parameter_maps(&maps), tsmi: Some(tsmi), uncertainty: slice.uncertainty()? })
}
