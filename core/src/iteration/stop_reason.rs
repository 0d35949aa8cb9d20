//! Why an iteration ended.

use serde::{Deserialize, Serialize};

/// Why an iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StopReason {
    /// All steps that were asked for are done.
    MaxIterations,
    /// The algorithm's own test was met.
    Converged,
    /// The algorithm cannot go on; the state is that of the last sound step.
    Breakdown(Breakdown),
    /// An observer asked to stop.
    Cancelled,
}

/// Why an algorithm could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Breakdown {
    /// A curvature `<p, A p>` was zero or negative: the operator is not positive definite.
    NotPositiveDefinite,
    /// A number left the range of finite numbers.
    NotFinite,
}
