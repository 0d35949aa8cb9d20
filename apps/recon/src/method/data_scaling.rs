//! How a method weighs and scales data and images.

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

/// The image value that counts as 1, so that regularisation weights and noise levels do not depend on the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", untagged)]
pub enum Intensity {
    /// This value.
    Given(f32),
    /// Estimated from the measurement.
    Estimated(Estimated),
}

/// The word `"estimated"` in a method file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimated {
    /// 99th percentile over pixels of the norm of the adjoint image at its best scale.
    Estimated,
}

/// Data weights W.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// W = I: right for white noise.
    None,
    /// The acquisition's density compensation: faster, but it amplifies noise where k-space is sparse.
    DensityCompensation,
}
