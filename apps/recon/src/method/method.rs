//! A method file.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ConditionImage;
use super::{Component, Intensity, Scale, Weights};
use crate::solver::Solver;
use crate::uncertainty::{CalibrationSource, TrustRule};

/// Longest name of a method: file systems take 255 bytes, of which other words need some.
const LONGEST_NAME: usize = 100;

/// A reconstruction as data: which parts, out of which plugins, joined by which solver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// Name in tables and file names, which it can be part of: no separators of folders, and none to begin with a dot.
    #[serde(deserialize_with = "file_name")]
    pub name: String,
    /// One line for people.
    #[serde(default)]
    pub summary: String,
    /// The acquisition operator.
    pub operator: Component,
    /// Data weights of the reconstruction.
    pub weights: Weights,
    /// What a regularisation weight is relative to.
    pub scale: Scale,
    /// The image value that counts as 1.
    pub intensity: Intensity,
    /// The image prior.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Component>,
    /// The image that a conditional prior is shown beside the noisy one, under its own name and as `low_res`: a quick
    /// reconstruction, or the result of another method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionImage>,
    /// The physics: turns images into parameter maps. Solvers may put it into their loop, too.
    pub projector: Component,
    /// Makes the maps from the solver's image in place of the projector: a trained network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimator: Option<Component>,
    /// Makes better maps of the solver's image, the estimator's maps, and what these leave unexplained in the data: the second
    /// stage of a cascade. Needs a linear solver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refinement: Option<Component>,
    /// The solver.
    pub solver: Solver,
    /// What the deviations of its samples are worth: a `calibration.json` that `diph calibrate` wrote, or its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<CalibrationSource>,
    /// Which voxels are to be trusted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trust: TrustRule,
}

fn is_default(rule: &TrustRule) -> bool {
    *rule == TrustRule::default()
}

/// Method files are passed on from hand to hand, and their names become parts of file names.
fn file_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    let is_fit = |c: char| !c.is_control() && !r#"/\\:*?"<>|"#.contains(c);
    match !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('.') && name.chars().all(is_fit) {
        true => Ok(name),
        false => Err(D::Error::custom(format!(
            "expected a name that can be part of a file name (no / \\ : * ? \" < > |, no dot in front, up to {LONGEST_NAME} \
             bytes), got {name:?}"
        ))),
    }
}

impl Method {
    /// The parts that the method names: operator, prior, projector, estimator and refinement, in this order, then those of the method that
    /// makes its condition image.
    pub fn parts(&self) -> Vec<&Component> {
        let estimators = [self.estimator.as_ref(), self.refinement.as_ref()];
        let own = [Some(&self.operator), self.prior.as_ref(), Some(&self.projector)].into_iter().chain(estimators);
        let other = match &self.condition {
            Some(ConditionImage::Method(other)) => other.parts(),
            _ => Vec::new(),
        };
        own.flatten().chain(other).collect()
    }

    /// Hash of everything that decides the maps: all settings without name, summary, calibration and rule of trust.
    pub fn fingerprint(&self) -> String {
        const CHARACTERS: usize = 16;
        let deciding = Self {
            name: "method".into(),
            summary: String::new(),
            calibration: None,
            trust: TrustRule::default(),
            ..self.clone()
        };
        let text = serde_json::to_value(&deciding).map(|settings| settings.to_string()).unwrap_or_default();
        let hash: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        hash[..CHARACTERS].into()
    }

    /// Files that the parts are made from: every option that is the path of a file, such as the checkpoint of a network,
    /// and the configuration that lies beside a PyTorch state dict.
    pub fn files(&self) -> Vec<PathBuf> {
        let parts = self.parts();
        let mut named = BTreeSet::new();
        parts.iter().flat_map(|part| part.options.values()).for_each(|value| add_texts(value, &mut named));
        if let Some(CalibrationSource::File(path)) = &self.calibration {
            named.insert(path.clone());
        }
        let endings = ["pt", "pth"];
        let is_pytorch = |path: &&PathBuf| {
            path.extension().is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
        };
        let beside = named.iter().filter(is_pytorch).map(|path| path.with_extension("json"));
        let files: BTreeSet<PathBuf> = beside.chain(named.iter().cloned()).filter(|path| path.is_file()).collect();
        files.into_iter().collect()
    }
}

/// All texts in a value, each of which may name a file.
fn add_texts(value: &Value, texts: &mut BTreeSet<PathBuf>) {
    match value {
        Value::String(text) => {
            texts.insert(text.into());
        }
        Value::Array(values) => values.iter().for_each(|value| add_texts(value, texts)),
        Value::Object(values) => values.values().for_each(|value| add_texts(value, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::BUILT_IN;

    #[test]
    fn every_built_in_method_reads_and_bears_its_name() {
        for (name, text) in BUILT_IN {
            let method: Method = serde_json::from_str(text).unwrap();
            assert_eq!(method.name, name);
            let again: Method = serde_json::from_str(&serde_json::to_string(&method).unwrap()).unwrap();
            assert_eq!(again, method);
        }
    }

    #[test]
    fn a_fingerprint_is_of_what_decides_the_maps() {
        let read = |changes: &[&str]| {
            let changes: Vec<_> = changes.iter().map(|change| change.parse().unwrap()).collect();
            Method::read("mmse", &changes).unwrap().fingerprint()
        };
        assert_eq!(read(&[]), read(&["name=other", "summary=same", "trust.signal=0.5", "calibration=none.json"]));
        assert_ne!(read(&[]), read(&["solver.posterior-mean.iterations=3"]));
    }

    /// A setting that is new, or that is changed, makes the calibration another method's.
    #[test]
    fn built_in_calibrations_are_of_their_method() {
        for (name, text) in BUILT_IN {
            let method: Method = serde_json::from_str(text).unwrap();
            let Some(calibration) = &method.calibration else { continue };
            assert_eq!(calibration.read().unwrap().method, method.fingerprint(), "{name}: to be calibrated anew");
        }
    }

    #[test]
    fn names_are_no_paths() {
        let named = |name: &str| {
            let mut method: Value = serde_json::from_str(BUILT_IN[0].1).unwrap();
            method["name"] = name.into();
            serde_json::from_value::<Method>(method)
        };
        for name in ["x/../../escaped", "..", ".hidden", "a\\b", "c:d", "", "line\nfeed", &"x".repeat(300)] {
            assert!(named(name).unwrap_err().to_string().contains("part of a file name"), "{name}");
        }
        for name in ["lrtv λ=0.02", "own method (2)", "a.b"] {
            assert_eq!(named(name).unwrap().name, name);
        }
    }

    #[test]
    fn files_are_found_wherever_an_option_names_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            path
        };
        let [a, b, state, beside] = ["a.bin", "b.bin", "c.pt", "c.json"].map(file);
        let mut method: Value = serde_json::from_str(BUILT_IN[0].1).unwrap();
        method["operator"]["options"] =
            serde_json::json!({ "table": a, "more": [{ "path": b }, 1], "network": state, "word": "absent.bin" });
        let method: Method = serde_json::from_value(method).unwrap();
        assert_eq!(method.files(), [a, b, beside, state]);
    }

    #[test]
    fn unknown_keys_are_refused() {
        let text = BUILT_IN[0].1.replace("\"weights\"", "\"wieghts\": 1, \"weights\"");
        assert!(serde_json::from_str::<Method>(&text).unwrap_err().to_string().contains("wieghts"));
        let text = BUILT_IN[2].1.replace("\"lambda\"", "\"lamda\"");
        assert!(serde_json::from_str::<Method>(&text).unwrap_err().to_string().contains("lamda"));
    }
}
