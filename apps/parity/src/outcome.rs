//! How a stage ended.

use serde::Serialize;

use crate::Comparison;

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
