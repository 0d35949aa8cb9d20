//! All stages of a comparison.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::StageReport;

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
}
