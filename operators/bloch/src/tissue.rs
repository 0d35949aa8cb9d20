//! What the signal of a voxel depends on.

use diph_core::{Error, Result};

/// Longer than any time of tissue (free water has some 4 s) and shorter than most in milliseconds.
const LONGEST_S: f64 = 50.0;

/// Larger than any factor on flip angles, and smaller than any in percent.
const LARGEST_B1: f64 = 10.0;

/// What the signal of a voxel depends on, apart from its amplitude.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tissue {
    /// Longitudinal relaxation time (s).
    pub t1_s: f64,
    /// Transverse relaxation time (s).
    pub t2_s: f64,
    /// Factor on every flip angle: 1 where the transmit field is as planned.
    pub b1: f64,
}

impl Tissue {
    /// A tissue in the planned transmit field.
    pub fn new(t1_s: f64, t2_s: f64) -> Self {
        Self { t1_s, t2_s, b1: 1.0 }
    }

    /// Fails unless every value is finite and positive, and times are not those of milliseconds.
    pub(crate) fn check(&self, operation: &str, index: usize) -> Result<()> {
        let values = [("T1", "s", self.t1_s), ("T2", "s", self.t2_s), ("B1", "times the planned field", self.b1)];
        for (name, unit, value) in values {
            if !(value.is_finite() && value > 0.0) {
                let expected = format!("a finite, positive value [{unit}]");
                return Err(Error::parameter(operation, format!("{name} of entry {index}"), expected, value));
            }
            if unit == "s" && value > LONGEST_S {
                let expected = format!("a time in seconds, at most {LONGEST_S}; divide milliseconds by 1000");
                return Err(Error::parameter(operation, format!("{name} of entry {index}"), expected, value));
            }
        }
        if self.b1 > LARGEST_B1 {
            let expected = format!("a factor, at most {LARGEST_B1}; divide percent by 100");
            return Err(Error::parameter(operation, format!("B1 of entry {index}"), expected, self.b1));
        }
        Ok(())
    }
}
