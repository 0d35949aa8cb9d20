//! `diph recover-acquisition`: trajectory and dictionary from k-space, maps and images that were published without them.

use std::path::PathBuf;

use clap::Args;
use diph_datasets::DatasetFolder;
use diph_formats::{FolderLock, check_writable_folder, is_there};
use diph_recon::{Blame, ReconError, write_json};
use diph_recover::{RecoverError, RecoveryReport, recover};

use crate::Context;
use crate::output::AppError;

/// Arguments of `diph recover-acquisition`.
#[derive(Args, Debug)]
pub struct RecoverAcquisitionArgs {
    /// Folder with `synthesized_ksp`, `reference_tsmi` and `qmaps` of the same slices, in the layout of the Python MRF-DiPh code
    #[arg(long, value_name = "DIR")]
    pub dataset: PathBuf,
    /// How much of the sequence was kept: 0 to 4 for 1000, 500, 300, 200 and 100 frames
    #[arg(long, default_value_t = 3, value_parser = super::parse_cut)]
    pub cut: usize,
    /// Folder that gets `acquisition/` with trajectory, dictionary and a report of their errors; may be the data folder
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

impl RecoverAcquisitionArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// Naming the folder to blame.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let folder = DatasetFolder::open(&self.dataset).file(&self.dataset)?;
        check_writable_folder(&self.out).file(&self.out)?;
        let _lock = FolderLock::take(&self.out).file(&self.out)?;
        let out = DatasetFolder::new(&self.out);
        let [trajectory, dictionary] = [out.trajectory_path(), out.dictionary_path(self.cut)];
        let (trajectory, dictionary) = (trajectory.file(&self.out)?, dictionary.file(&self.out)?);
        for file in [&trajectory, &dictionary] {
            if is_there(file).file(file)? {
                let message = "is there already, and a recovered acquisition replaces none; choose another --out";
                return Err(ReconError::input(file, message).into());
            }
        }
        let spinner = context.output.spinner("following the readouts outwards");
        let is_cancelled = || context.cancel.is_cancelled();
        let recovered = recover(&folder, self.cut, &is_cancelled).map_err(|error| self.blamed(error))?;
        drop(spinner);
        write_json(&self.out.join(format!("acquisition/recovery_cut{}.json", self.cut)), &recovered.report)?;
        recovered.dictionary.write(&dictionary).file(&dictionary)?;
        recovered.trajectory.write(&trajectory).file(&trajectory)?;
        context.output.result(&recovered.report, || self.summary(&recovered.report))
    }

    fn blamed(&self, error: RecoverError) -> AppError {
        match error {
            RecoverError::Cancelled => ReconError::Cancelled.into(),
            RecoverError::Undetermined { .. } => {
                ReconError::Failed { step: "recovering the acquisition".into(), source: error.into() }.into()
            }
            other => ReconError::File { file: self.dataset.clone(), source: other.into() }.into(),
        }
    }

    fn summary(&self, report: &RecoveryReport) -> String {
        let percent: Vec<String> = report.basis_errors.iter().map(|error| format!("{:.1}", 100.0 * error)).collect();
        let interpolation = match report.interpolation_error {
            Some(error) => format!(" (to {:.1e} of themselves)", error),
            None => String::new(),
        };
        format!(
            "acquisition of {} in {}\n\
             angle per frame     {:.6} rad, to {:.1e}\n\
             noise per sample    {:.3e}\n\
             positions           to {:.3} cycles per field of view\n\
             basis, per column   to {} % of its length\n\
             atoms               {} from images, {} interpolated{interpolation}",
            report.slices.join(", "),
            self.out.display(),
            report.rotation,
            report.rotation_error,
            report.noise,
            report.position_error,
            percent.join(", "),
            report.measured_atoms,
            report.interpolated_atoms,
        )
    }
}
