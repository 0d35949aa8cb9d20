//! A row of the table.

use serde::{Deserialize, Serialize};

use diph_recon::Evaluation;

/// A row of the table: a method, or a slice, and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReportRow {
    /// Name of the method or slice.
    pub name: String,
    /// Its metrics; those that are unknown are shown as a dash.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}
