//! One law on one component.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One law, tried on one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Name of the law.
    pub law: Cow<'static, str>,
    /// Relative error that was measured; `None` when it could not be.
    pub measured: Option<f64>,
    /// Largest error that passes.
    pub limit: f64,
    /// Whether the law holds.
    pub passed: bool,
    /// Why nothing was measured, or what is the likely cause of a broken law.
    pub failure: Option<String>,
}
