//! Laws as they are tried, one after the other.

use diph_core::Result;

use crate::{Check, Report};

/// Hears of every law before and after it is tried, so that whoever watches can name the law that ended the process.
pub trait Watch {
    /// A law is about to be tried. `false` passes it over, and the report lacks it.
    fn begins(&mut self, _law: &'static str) -> bool {
        true
    }

    /// A law was tried.
    fn ends(&mut self, _check: &Check) {}
}

/// Watches nothing.
pub struct Unwatched;

impl Watch for Unwatched {}

/// The laws of one component that have been tried so far.
pub(crate) struct Laws<'w> {
    checks: Vec<Check>,
    warnings: Vec<String>,
    watch: &'w mut dyn Watch,
}

impl<'w> Laws<'w> {
    pub(crate) fn new(watch: &'w mut dyn Watch) -> Self {
        Self { checks: Vec::new(), warnings: Vec::new(), watch }
    }

    /// Tries a law by a number that must not exceed a limit.
    pub(crate) fn measure(&mut self, law: &'static str, limit: f64, measure: impl FnOnce() -> Result<f64>) {
        self.explained(law, limit, || measure().map(|measured| (measured, None)));
    }

    /// As [`measure`](Self::measure), with a likely cause where the law is broken.
    pub(crate) fn explained(
        &mut self,
        law: &'static str,
        limit: f64,
        measure: impl FnOnce() -> Result<(f64, Option<String>)>,
    ) {
        if !self.watch.begins(law) {
            return;
        }
        let check = match measure() {
            Ok((measured, cause)) => {
                // A NaN never passes.
                let passed = measured <= limit;
                Check { law: law.into(), measured: Some(measured), limit, passed, failure: cause.filter(|_| !passed) }
            }
            Err(error) => {
                Check { law: law.into(), measured: None, limit, passed: false, failure: Some(error.to_string()) }
            }
        };
        self.watch.ends(&check);
        self.checks.push(check);
    }

    /// Tries a law that holds or does not: 0 or 1 against 0.
    pub(crate) fn holds(&mut self, law: &'static str, test: impl FnOnce() -> Result<bool>) {
        self.measure(law, 0.0, || test().map(|holds| if holds { 0.0 } else { 1.0 }));
    }

    /// Something that no law forbids and its author should know.
    pub(crate) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    pub(crate) fn report(self, component: &str) -> Report {
        Report { component: component.into(), checks: self.checks, warnings: self.warnings }
    }
}
