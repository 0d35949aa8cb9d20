//! The image value that counts as 1.

use serde::{Deserialize, Serialize};

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
