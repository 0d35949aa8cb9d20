//! What a regularisation weight is relative to.

use serde::{Deserialize, Serialize};

/// Whether operator and data are divided by the operator's norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// They are, so that a regularisation weight means the same for every acquisition.
    Normalised,
    /// They are not, as in the Python code of MRF-DiPh.
    Reference,
}
