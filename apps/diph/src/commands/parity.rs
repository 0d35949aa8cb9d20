//! `diph parity`: Diph against recorded outputs of the Python code.

use std::path::PathBuf;

use clap::Args;
use diph_parity::{Comparison, Outcome, ParityObserver, ParityReport, compare};
use diph_recon::ReconError;

use crate::Context;
use crate::output::{AppError, Bar, Output, Table};

/// Voxels that the table names one by one; `--json` lists all.
const NAMED_VOXELS: usize = 3;

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
    /// [`AppError::Check`] when a tolerance is missed, [`ReconError::File`] when a stage could not be done.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let registry = context.registry()?;
        let mut spinner = Spinner { output: &context.output, of_stage: None };
        let model_config = self.model_config.as_deref();
        let report = compare(&registry, &context.cancel, &self.folder, model_config, &mut spinner)?;
        drop(spinner);
        context.output.result(&report, || table(&report))?;
        verdict(&report)
    }
}

/// Shows the stage that is being compared.
struct Spinner<'a> {
    output: &'a Output,
    of_stage: Option<Bar>,
}

impl ParityObserver for Spinner<'_> {
    fn stage_begins(&mut self, name: &str) {
        self.of_stage = None;
        self.of_stage = Some(self.output.spinner(name));
    }

    fn say(&self, error: ReconError) -> String {
        AppError::from(error).to_string()
    }
}

/// Fails unless everything was compared and agrees.
fn verdict(report: &ParityReport) -> Result<(), AppError> {
    let missed =
        report.stages.iter().flat_map(|stage| stage.missed().map(|one| format!("{}: {}", stage.name, one.name)));
    let missed: Vec<String> = missed.collect();
    let open = report.stages.iter().filter(|stage| !stage.is_done()).map(|stage| stage.name.as_str());
    let open: Vec<&str> = open.collect();
    let not_done = format!("{} of {} stages not done: {}", open.len(), report.stages.len(), open.join("; "));
    match (missed.is_empty(), open.is_empty()) {
        (true, true) => Ok(()),
        (true, false) => Err(ReconError::input(&report.folder, not_done).into()),
        (false, complete) => {
            let beside = if complete { String::new() } else { format!("; {not_done}") };
            let (folder, count, missed) = (report.folder.display(), missed.len(), missed.join("; "));
            Err(AppError::Check(format!("{folder}: {count} tolerances missed: {missed}{beside}")))
        }
    }
}

/// All comparisons, stage by stage.
fn table(report: &ParityReport) -> String {
    let mut table = Table::new(["stage", "error", "tolerance", "seconds", "verdict"]);
    for stage in &report.stages {
        let seconds = format!("{:.2}", stage.seconds);
        table.row([stage.name.as_str(), "", "", &seconds, stage.verdict()]);
        match &stage.outcome {
            Outcome::Compared(comparisons) => comparisons.iter().for_each(|one| add(&mut table, one)),
            Outcome::Missing(files) => table.note(format!("    missing: {}", files.join(", "))),
            Outcome::Failed(error) => table.note(format!("    {error}")),
        }
    }
    table.to_string()
}

fn add(table: &mut Table<5>, comparison: &Comparison) {
    let verdict = if comparison.passed { "ok" } else { "MISSED" };
    let (measured, tolerance) = (comparison.text(comparison.measured), comparison.text(comparison.tolerance));
    table.row([format!("  {}", comparison.name), measured, tolerance, String::new(), verdict.into()]);
    if let Some(note) = &comparison.note {
        table.note(format!("    {note}"));
    }
    for flip in comparison.flips.iter().take(NAMED_VOXELS) {
        table.note(format!("    {flip}"));
    }
    if comparison.flips.len() > NAMED_VOXELS {
        table.note(format!("    and {} more, which --json lists", comparison.flips.len() - NAMED_VOXELS));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use diph_parity::StageReport;

    use super::*;
    use crate::output::Exit;

    fn report(outcomes: Vec<Outcome>) -> ParityReport {
        let stage = |outcome| StageReport { name: "nufft".into(), seconds: 0.25, outcome };
        ParityReport::new(Path::new("mini"), outcomes.into_iter().map(stage).collect())
    }

    #[test]
    fn the_verdict_says_what_is_missed_and_what_is_not_done() {
        let good = || Outcome::Compared(vec![Comparison::error("forward", 1e-5, 1e-4)]);
        let bad = || Outcome::Compared(vec![Comparison::error("adjoint", 1e-3, 1e-4)]);
        let missing = || Outcome::Missing(vec!["nufft_pair.npz".into()]);
        assert!(report(vec![good()]).passed && verdict(&report(vec![good()])).is_ok());
        for (outcomes, exit, words) in [
            (vec![good(), bad()], Exit::CheckFailed, "1 tolerances missed: nufft: adjoint"),
            (vec![good(), missing()], Exit::BadInput, "1 of 2 stages not done: nufft"),
            (vec![bad(), missing()], Exit::CheckFailed, "nufft: adjoint; 1 of 2 stages not done"),
            (vec![Outcome::Failed("x.npz: truncated".into())], Exit::BadInput, "1 of 1 stages"),
        ] {
            let report = report(outcomes);
            let error = verdict(&report).unwrap_err();
            assert!(!report.passed && error.exit() == exit && error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn the_table_names_missing_files() {
        let table = table(&report(vec![Outcome::Missing(vec!["nufft_pair.npz".into(), "traj_dcf.mat".into()])]));
        assert!(table.contains("missing: nufft_pair.npz, traj_dcf.mat") && table.contains("NOT DONE"), "{table}");
    }
}
