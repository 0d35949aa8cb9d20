//! One line of `metrics.json`.

use diph_core::StopReason;
use diph_datasets::SliceId;
use serde::{Deserialize, Serialize};

use crate::Evaluation;

/// The metrics of one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceResult {
    /// Volume.
    pub vol: usize,
    /// Slice.
    pub slice: usize,
    /// What was measured.
    #[serde(flatten)]
    pub evaluation: Evaluation,
    /// Steps of the solver; absent where maps were only compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<usize>,
    /// Why there were no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<StopReason>,
    /// The image value that counted as 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intensity: Option<f32>,
    /// Metrics of the single samples, where there are several; the others are those of their mean.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Evaluation>,
    /// Whether the k-space was simulated from reference maps because the data set has none.
    #[serde(default)]
    pub simulated_kspace: bool,
}

impl SliceResult {
    /// Which slice it is.
    pub fn id(&self) -> SliceId {
        SliceId::new(self.vol, self.slice)
    }
}
