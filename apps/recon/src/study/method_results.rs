//! `metrics.json` of a whole run.

use serde::{Deserialize, Serialize};

use super::SliceResult;
use crate::Evaluation;

/// All slices that a method reconstructed, and their mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodResults {
    /// Name of the method.
    pub method: String,
    /// One entry per slice.
    pub slices: Vec<SliceResult>,
    /// Mean over the slices.
    pub mean: Evaluation,
}

impl MethodResults {
    /// Results with their mean.
    pub fn new(method: impl Into<String>, slices: Vec<SliceResult>) -> Self {
        let mean = Evaluation::mean(slices.iter().map(|slice| &slice.evaluation));
        Self { method: method.into(), slices, mean }
    }
}
