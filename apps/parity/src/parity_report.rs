//! All stages of a comparison.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::StageReport;

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
