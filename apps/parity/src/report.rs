//! What a comparison is made of and what comes out: numbers against their tolerances, stages, and the report of all.

use std::path::{Path, PathBuf};

use diph_recon::ReconError;
use serde::{Serialize, Serializer};

use crate::{AtomFlip, Reference};

/// What a [`Comparison`](super::Comparison) measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Quantity {
    /// `||ours - theirs|| / ||theirs||`, or the like.
    RelativeError,
    /// A number of things that differ.
    Count,
}

/// One number against its tolerance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What is compared.
    pub name: String,
    /// What `measured` is.
    pub quantity: Quantity,
    /// The error; as JSON `null` where it is not finite.
    pub measured: f64,
    /// The largest error that passes.
    pub tolerance: f64,
    /// Whether the error is within the tolerance. A NaN never is.
    pub passed: bool,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Voxels whose atom differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flips: Vec<AtomFlip>,
}

impl Comparison {
    /// A relative error.
    pub fn error(name: impl Into<String>, measured: f64, tolerance: f64) -> Self {
        Self::new(name.into(), Quantity::RelativeError, measured, tolerance)
    }

    /// A number of things that differ.
    pub fn count(name: impl Into<String>, measured: usize, tolerance: usize) -> Self {
        Self::new(name.into(), Quantity::Count, measured as f64, tolerance as f64)
    }

    /// With something else to say.
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// With the voxels whose atom differs.
    pub fn with_flips(self, flips: Vec<AtomFlip>) -> Self {
        Self { flips, ..self }
    }

    /// `measured` or `tolerance` as text.
    pub fn text(&self, value: f64) -> String {
        match self.quantity {
            Quantity::RelativeError => format!("{value:.1e}"),
            Quantity::Count => value.to_string(),
        }
    }

    fn new(name: String, quantity: Quantity, measured: f64, tolerance: f64) -> Self {
        let passed = measured <= tolerance;
        Self { name, quantity, measured, tolerance, passed, note: None, flips: Vec::new() }
    }
}

/// How a stage ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was compared.
    Compared(Vec<Comparison>),
    /// Not done: these files are not there.
    Missing(Vec<String>),
    /// Not done: a file cannot be used, or a part failed.
    Failed(String),
}

/// One stage of the comparison: a part of Diph, given what the Python code was given.
pub trait Stage {
    /// Short name for the table.
    fn name(&self) -> String;

    /// Files that the stage cannot do without: names in the folder, in which one `*` stands for anything.
    fn files(&self) -> Vec<String>;

    /// Computes, and compares with the recorded outputs.
    ///
    /// # Errors
    /// Naming the file and the key that cannot be used, or the part that failed.
    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError>;
}

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

/// All stages of a comparison with the Python code.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParityReport {
    /// The folder of recorded outputs, as given.
    #[serde(serialize_with = "lossy")]
    pub folder: PathBuf,
    /// Whether every stage was done and every tolerance is met.
    pub passed: bool,
    /// The stages in order.
    pub stages: Vec<StageReport>,
}

/// JSON holds text only: what is no text in a path is replaced.
fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

impl ParityReport {
    /// Of the stages of a folder.
    pub fn new(folder: &Path, stages: Vec<StageReport>) -> Self {
        let passed = stages.iter().all(|stage| stage.is_done() && stage.missed().next().is_none());
        Self { folder: folder.to_owned(), passed, stages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_never_passes() {
        assert!(Comparison::error("x", 1e-3, 1e-3).passed);
        assert!(!Comparison::error("x", 1.1e-3, 1e-3).passed);
        assert!(!Comparison::error("x", f64::NAN, 1e-3).passed);
        assert!(!Comparison::count("x", 1, 0).passed);
    }
}
