//! What deviations of a method's samples are worth, as a file.

use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{Deviations, Recalibration};
use crate::ReconError;
use crate::config::{load, read_json};

/// The recalibration of a method's deviations, fitted where the truth is known: `calibration.json`.
///
/// It holds for the acquisition and the settings that it was fitted with, and for about as many samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// [Fingerprint](crate::acquisition::Fingerprint::text) of the acquisition.
    pub acquisition: String,
    /// [Fingerprint](crate::Method::fingerprint) of the method's settings.
    pub method: String,
    /// Samples that the deviations were taken over.
    pub samples: usize,
    /// Voxels that it was fitted to.
    pub voxels: usize,
    /// Of ln T1.
    pub t1: Recalibration,
    /// Of ln T2.
    pub t2: Recalibration,
    /// Of ln |PD|.
    pub pd: Recalibration,
}

impl Calibration {
    /// The deviations that errors have where samples have these.
    pub fn apply(&self, deviations: &Deviations) -> Deviations {
        Deviations {
            t1: deviations.t1.mapv(|spread| self.t1.apply(spread)),
            t2: deviations.t2.mapv(|spread| self.t2.apply(spread)),
            pd: deviations.pd.mapv(|spread| self.pd.apply(spread)),
        }
    }

    /// Why it does not hold for an acquisition and a method of these fingerprints; `None` where it does.
    pub fn misfit(&self, acquisition: &str, method: &str) -> Option<&'static str> {
        match (self.acquisition == acquisition, self.method == method) {
            (false, _) => Some("it was fitted with another acquisition"),
            (true, false) => Some("it was fitted with other settings of the method"),
            (true, true) => None,
        }
    }

    /// Reads `calibration.json`.
    ///
    /// # Errors
    /// [`ReconError::Config`] naming the file and the key.
    pub fn read(path: &Path) -> Result<Self, ReconError> {
        Ok(load(read_json(path)?, &path.display().to_string(), &[])?)
    }
}

/// A calibration as methods name it: a file, or the numbers themselves.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CalibrationSource {
    /// A `calibration.json`.
    File(PathBuf),
    /// Its content.
    Given(Box<Calibration>),
}

impl CalibrationSource {
    /// The calibration itself.
    ///
    /// # Errors
    /// As [`Calibration::read`].
    pub fn read(&self) -> Result<Calibration, ReconError> {
        match self {
            Self::File(path) => Calibration::read(path),
            Self::Given(calibration) => Ok((**calibration).clone()),
        }
    }
}

impl<'de> Deserialize<'de> for CalibrationSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(path) => Ok(Self::File(path.into())),
            given => Calibration::deserialize(given).map(|found| Self::Given(found.into())).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;
    use serde_json::json;

    use super::*;

    fn calibration() -> Value {
        json!({ "acquisition": "a", "method": "b", "samples": 8, "voxels": 1000,
                "t1": [[0.1, 0.2]], "t2": [[0.1, 0.3]], "pd": [[0.1, 0.1]] })
    }

    #[test]
    fn a_file_or_the_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calibration.json");
        std::fs::write(&path, calibration().to_string()).unwrap();
        let [file, given] = [json!(path), calibration()].map(|source| {
            let source: CalibrationSource = serde_json::from_value(source).unwrap();
            let written = serde_json::to_value(&source).unwrap();
            assert_eq!(serde_json::from_value::<CalibrationSource>(written).unwrap(), source);
            source.read().unwrap()
        });
        assert_eq!(file, given);
        let map = ArrayD::from_elem(vec![1, 2], 0.2f32);
        let applied = given.apply(&Deviations { t1: map.clone(), t2: map.clone(), pd: map });
        assert!((applied.t1[[0, 1]] - 0.4).abs() < 1e-6 && (applied.pd[[0, 0]] - 0.2).abs() < 1e-6);
        assert_eq!(given.misfit("a", "b"), None);
        assert!(given.misfit("x", "b").unwrap().contains("acquisition"));
        assert!(given.misfit("a", "x").unwrap().contains("settings"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut wrong = calibration();
        wrong["t2"] = json!([[0.1, -1.0]]);
        let error = serde_json::from_value::<CalibrationSource>(wrong.clone()).unwrap_err().to_string();
        assert!(error.contains("positive numbers"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("calibration.json");
        std::fs::write(&path, wrong.to_string()).unwrap();
        let error = CalibrationSource::File(path).read().unwrap_err().to_string();
        assert!(error.contains("calibration.json") && error.contains("t2"), "{error}");
        assert!(CalibrationSource::File("none.json".into()).read().unwrap_err().to_string().contains("none.json"));
    }
}
