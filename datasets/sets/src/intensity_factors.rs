//! What images are divided by before a network sees them.

use std::io::Write;
use std::path::Path;

use diph_formats::{Error, Result, read_text, write_atomically};
use serde::{Deserialize, Serialize};

/// What images are divided by before a network sees them: the 95th percentile of |Re| and |Im| over a training set.
///
/// The default are the constants of the Python code. On disk: JSON with the names of the fields as keys.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntensityFactors {
    /// For the TSMI and for k-space.
    pub reference: f32,
    /// For the adjoint TSMI, which conditions the network.
    pub condition: f32,
}

impl Default for IntensityFactors {
    fn default() -> Self {
        Self { reference: 0.004, condition: 0.000_004 }
    }
}

impl IntensityFactors {
    /// Reads a JSON file.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Read`], [`Error::Malformed`], and [`Error::Unexpected`] for a factor that is not
    /// above 0.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = read_text(path).map_err(|source| Error::read(path, source))?;
        let malformed = |error| Error::malformed(path, "JSON file of intensity factors", error);
        let factors: Self = serde_json::from_str(&text).map_err(malformed)?;
        for (key, factor) in [("reference", factors.reference), ("condition", factors.condition)] {
            if !(factor.is_finite() && factor > 0.0) {
                return Err(Error::unexpected(path, key, "a finite number above 0", factor));
            }
        }
        Ok(factors)
    }

    /// Writes a JSON file.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), |file| {
            serde_json::to_writer_pretty(&mut *file, self)?;
            writeln!(file)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn round_trip_and_refusals() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("intensity_factors.json");
        let factors = IntensityFactors { reference: 0.5, ..Default::default() };
        factors.write(&path).unwrap();
        assert_eq!(IntensityFactors::read(&path).unwrap(), factors);
        fs::write(&path, r#"{"reference": 0.0, "condition": 1.0}"#).unwrap();
        assert!(IntensityFactors::read(&path).unwrap_err().to_string().contains("key `reference`"));
        fs::write(&path, r#"{"reference": 1.0, "condition": 1.0, "scale": 2}"#).unwrap();
        assert!(IntensityFactors::read(&path).unwrap_err().to_string().contains("unknown field `scale`"));
        assert!(matches!(IntensityFactors::read(folder.path().join("none")), Err(Error::Missing { .. })));
    }
}
