//! Settings of FISTA.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Settings of [`Fista`](super::Fista).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FistaSettings {
    /// Steps at most.
    pub iterations: usize,
    /// Regularisation weight.
    pub lambda: f32,
    /// An upper bound of `||A^H A||`; the step is its inverse. A normalised problem has 1, and because power iteration
    /// comes from below, a few percent belong on top.
    pub lipschitz: f32,
    /// Ends a run when an iterate changes by less than this share of its norm; 0 never does.
    pub tolerance: f32,
}

impl Default for FistaSettings {
    fn default() -> Self {
        Self { iterations: 80, lambda: 1e-2, lipschitz: 1.02, tolerance: 0.0 }
    }
}

impl FistaSettings {
    /// Fails on numbers outside of their range.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        if self.iterations == 0 {
            return Err(Error::parameter("fista", "iterations", "at least 1", 0));
        }
        for (name, value) in [("lambda", self.lambda), ("tolerance", self.tolerance)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::parameter("fista", name, "a number of at least 0", value));
            }
        }
        if !(self.lipschitz.is_finite() && self.lipschitz > 0.0) {
            return Err(Error::parameter("fista", "lipschitz", "a positive number", self.lipschitz));
        }
        Ok(())
    }
}
