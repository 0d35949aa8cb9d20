//! When conjugate gradients stop.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// When conjugate gradients stop: by count, or when the residual norm falls below either tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CgSettings {
    /// Steps at most.
    pub max_iterations: usize,
    /// Stops at `||r|| < relative_tolerance * ||right-hand side||`.
    pub relative_tolerance: f64,
    /// Stops at `||r|| < absolute_tolerance`.
    pub absolute_tolerance: f64,
}

impl Default for CgSettings {
    fn default() -> Self {
        Self { max_iterations: 5, relative_tolerance: 1e-5, absolute_tolerance: 0.0 }
    }
}

impl CgSettings {
    /// Fails on a count of zero and on tolerances that are negative or not finite.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        if self.max_iterations == 0 {
            return Err(Error::parameter("conjugate gradients", "max_iterations", "at least 1", 0));
        }
        for (name, value) in
            [("relative_tolerance", self.relative_tolerance), ("absolute_tolerance", self.absolute_tolerance)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::parameter("conjugate gradients", name, "a finite number of at least 0", value));
            }
        }
        Ok(())
    }
}
