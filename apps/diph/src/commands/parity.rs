//! `diph parity`: Diph against recorded outputs of the Python code.

use std::path::PathBuf;

use clap::Args;

use crate::Context;
use crate::output::AppError;
use crate::parity::compare;

/// Arguments of `diph parity`.
#[derive(Args, Debug)]
pub struct ParityArgs {
    /// Folder of recorded outputs of the Python MRF-DiPh code
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Configuration of the network of a pair.npz (default: the .json of the same name beside its .pt)
    #[arg(long, value_name = "FILE.json")]
    pub model_config: Option<PathBuf>,
}

impl ParityArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// [`AppError::Check`] when a tolerance is missed, [`AppError::Input`] when a stage could not be done.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let report = compare(context, &self.folder, self.model_config.as_deref())?;
        context.output.result(&report, || report.table())?;
        report.verdict()
    }
}
