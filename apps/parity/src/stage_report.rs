//! What came out of a stage.

use serde::Serialize;

use crate::{Comparison, Outcome};

/// What came out of a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageReport {
    /// Name of the stage.
    pub name: String,
    /// Time that it took.
    pub seconds: f64,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl StageReport {
    /// Whether there is something to compare.
    pub fn is_done(&self) -> bool {
        matches!(self.outcome, Outcome::Compared(_))
    }

    /// Comparisons that miss their tolerance.
    pub fn missed(&self) -> impl Iterator<Item = &Comparison> {
        let comparisons = match &self.outcome {
            Outcome::Compared(comparisons) => comparisons.as_slice(),
            Outcome::Missing(_) | Outcome::Failed(_) => &[],
        };
        comparisons.iter().filter(|comparison| !comparison.passed)
    }

    /// One word for the table.
    pub fn verdict(&self) -> &'static str {
        match &self.outcome {
            Outcome::Missing(_) | Outcome::Failed(_) => "NOT DONE",
            Outcome::Compared(_) if self.missed().next().is_some() => "MISSED",
            Outcome::Compared(_) => "ok",
        }
    }
}
