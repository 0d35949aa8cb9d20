//! All laws on one component.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Check;

/// All laws, tried on one component. Displays as a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Name of the component.
    pub component: String,
    /// One entry for each law.
    pub checks: Vec<Check>,
    /// What no law forbids and the author of the component should know.
    pub warnings: Vec<String>,
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
        for warning in &self.warnings {
            writeln!(f, "  warning: {warning}")?;
        }
        Ok(())
    }
}
