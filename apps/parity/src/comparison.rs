//! One number against its tolerance.

use serde::Serialize;

use crate::{AtomFlip, Quantity};

/// One number against its tolerance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What is compared.
    pub name: String,
    /// What `measured` is.
    pub quantity: Quantity,
    /// The error; as JSON `null` where it is not finite.
    pub measured: f64,
    /// The largest error that passes.
    pub tolerance: f64,
    /// Whether the error is within the tolerance. A NaN never is.
    pub passed: bool,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Voxels whose atom differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flips: Vec<AtomFlip>,
}

impl Comparison {
    /// A relative error.
    pub fn error(name: impl Into<String>, measured: f64, tolerance: f64) -> Self {
        Self::new(name.into(), Quantity::RelativeError, measured, tolerance)
    }

    /// A number of things that differ.
    pub fn count(name: impl Into<String>, measured: usize, tolerance: usize) -> Self {
        Self::new(name.into(), Quantity::Count, measured as f64, tolerance as f64)
    }

    /// With something else to say.
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// With the voxels whose atom differs.
    pub fn with_flips(self, flips: Vec<AtomFlip>) -> Self {
        Self { flips, ..self }
    }

    /// `measured` or `tolerance` as text.
    pub fn text(&self, value: f64) -> String {
        match self.quantity {
            Quantity::RelativeError => format!("{value:.1e}"),
            Quantity::Count => value.to_string(),
        }
    }

    fn new(name: String, quantity: Quantity, measured: f64, tolerance: f64) -> Self {
        let passed = measured <= tolerance;
        Self { name, quantity, measured, tolerance, passed, note: None, flips: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nan_never_passes() {
        assert!(Comparison::error("x", 1e-3, 1e-3).passed);
        assert!(!Comparison::error("x", 1.1e-3, 1e-3).passed);
        assert!(!Comparison::error("x", f64::NAN, 1e-3).passed);
        assert!(!Comparison::count("x", 1, 0).passed);
    }
}
