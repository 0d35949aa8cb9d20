//! One law on one component.

use diph_core::Result;
use serde::Serialize;

/// One law, tried on one component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Name of the law.
    pub law: &'static str,
    /// Relative error that was measured; `None` when it could not be.
    pub measured: Option<f64>,
    /// Largest error that passes.
    pub limit: f64,
    /// Whether the law holds.
    pub passed: bool,
    /// Why nothing was measured.
    pub failure: Option<String>,
}

impl Check {
    /// Tries a law. A NaN never passes.
    pub(crate) fn new(law: &'static str, limit: f64, measure: impl FnOnce() -> Result<f64>) -> Self {
        match measure() {
            Ok(measured) => Self { law, measured: Some(measured), limit, passed: measured <= limit, failure: None },
            Err(error) => Self { law, measured: None, limit, passed: false, failure: Some(error.to_string()) },
        }
    }

    /// Tries a law that holds or does not: 0 or 1 against 0.
    pub(crate) fn holds(law: &'static str, test: impl FnOnce() -> Result<bool>) -> Self {
        Self::new(law, 0.0, || test().map(|holds| if holds { 0.0 } else { 1.0 }))
    }
}
