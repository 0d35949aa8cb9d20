//! How samples are weighed against each other.

use serde::{Deserialize, Serialize};

/// Data weights W.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// W = I: right for white noise.
    None,
    /// The acquisition's density compensation: faster, but it amplifies noise where k-space is sparse.
    DensityCompensation,
}
