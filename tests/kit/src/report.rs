//! What a check of the laws measures, allows and reports.

use std::fmt;

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

/// All laws, tried on one component. Displays as a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Name of the component.
    pub component: String,
    /// One entry for each law.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether every law holds.
    pub fn passed(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }

    /// Whether the law of this name was tried and broken.
    pub fn breaks(&self, law: &str) -> bool {
        self.checks.iter().any(|check| check.law == law && !check.passed)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.component)?;
        for check in &self.checks {
            let verdict = if check.passed { "ok" } else { "FAILED" };
            let measured = check.measured.map_or("-".into(), |measured| format!("{measured:.1e}"));
            writeln!(f, "  {:<36} {measured:>8} <= {:<8.1e} {verdict}", check.law, check.limit)?;
            if let Some(failure) = &check.failure {
                writeln!(f, "    {failure}")?;
            }
        }
        Ok(())
    }
}

/// Largest relative errors that pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Adjointness, relative to the norms of both sides.
    pub adjointness: f64,
    /// Linearity.
    pub linearity: f64,
    /// `normal` against adjoint of forward; a Toeplitz embedding agrees to the accuracy of its transform only.
    pub normal: f64,
    /// Residual of the regularised inverse, relative to the right-hand side.
    pub inverse: f64,
    /// Laws of proximal maps, in units of the accuracy that the prior states.
    pub proximal: f64,
    /// Laws of projectors.
    pub projection: f64,
}

impl Default for Limits {
    /// For computations in `f32`, with a transform of accuracy 1e-4.
    fn default() -> Self {
        Self { adjointness: 1e-6, linearity: 1e-5, normal: 1e-3, inverse: 1e-4, proximal: 10.0, projection: 1e-5 }
    }
}

/// Largest of the errors of several cases; a NaN stays one.
pub(crate) fn worst<T>(cases: impl IntoIterator<Item = T>, error: impl Fn(T) -> Result<f64>) -> Result<f64> {
    cases.into_iter().try_fold(0f64, |worst, case| {
        let error = error(case)?;
        Ok(if error > worst || error.is_nan() { error } else { worst })
    })
}
