//! All stages of a comparison.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Comparison, Outcome, StageReport};
use crate::output::{AppError, Table};

/// Voxels that the table names one by one; `--json` lists all.
const NAMED_VOXELS: usize = 3;

/// All stages of a comparison with the Python code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParityReport {
    /// The folder of recorded outputs, as given.
    pub folder: PathBuf,
    /// Whether every stage was done and every tolerance is met.
    pub passed: bool,
    /// The stages in order.
    pub stages: Vec<StageReport>,
}

impl ParityReport {
    /// Of the stages of a folder.
    pub fn new(folder: &Path, stages: Vec<StageReport>) -> Self {
        let passed = stages.iter().all(|stage| stage.is_done() && stage.missed().next().is_none());
        Self { folder: folder.to_owned(), passed, stages }
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut table = Table::new(["stage", "error", "tolerance", "seconds", "verdict"]);
        for stage in &self.stages {
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

    /// Fails unless everything was compared and agrees.
    ///
    /// # Errors
    /// [`AppError::Check`] when a tolerance is missed, otherwise [`AppError::Input`] when a stage could not be done.
    pub fn verdict(&self) -> Result<(), AppError> {
        let missed =
            self.stages.iter().flat_map(|stage| stage.missed().map(|one| format!("{}: {}", stage.name, one.name)));
        let missed: Vec<String> = missed.collect();
        let open = self.stages.iter().filter(|stage| !stage.is_done()).map(|stage| stage.name.as_str());
        let open: Vec<&str> = open.collect();
        let not_done = format!("{} of {} stages not done: {}", open.len(), self.stages.len(), open.join("; "));
        match (missed.is_empty(), open.is_empty()) {
            (true, true) => Ok(()),
            (true, false) => Err(AppError::input(&self.folder, not_done)),
            (false, complete) => {
                let beside = if complete { String::new() } else { format!("; {not_done}") };
                let (folder, count, missed) = (self.folder.display(), missed.len(), missed.join("; "));
                Err(AppError::Check(format!("{folder}: {count} tolerances missed: {missed}{beside}")))
            }
        }
    }
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
        assert!(report(vec![good()]).passed && report(vec![good()]).verdict().is_ok());
        for (outcomes, exit, words) in [
            (vec![good(), bad()], Exit::CheckFailed, "1 tolerances missed: nufft: adjoint"),
            (vec![good(), missing()], Exit::BadInput, "1 of 2 stages not done: nufft"),
            (vec![bad(), missing()], Exit::CheckFailed, "nufft: adjoint; 1 of 2 stages not done"),
            (vec![Outcome::Failed("x.npz: truncated".into())], Exit::BadInput, "1 of 1 stages"),
        ] {
            let report = report(outcomes);
            let error = report.verdict().unwrap_err();
            assert!(!report.passed && error.exit() == exit && error.to_string().contains(words), "{error}");
        }
    }

    #[test]
    fn the_table_names_missing_files() {
        let table = report(vec![Outcome::Missing(vec!["nufft_pair.npz".into(), "traj_dcf.mat".into()])]).table();
        assert!(table.contains("missing: nufft_pair.npz, traj_dcf.mat") && table.contains("NOT DONE"), "{table}");
    }
}
