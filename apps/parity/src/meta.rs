//! `meta.json` of a folder of recorded outputs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{PythonModel, RecordedRun, RecordedSchedule};
use diph_recon::ReconError;
use diph_recon::config::{ConfigError, Origin, read_json};

/// `meta.json`: factors, networks, schedules, and the metrics of every step of every run. Other keys are passed over.
#[derive(Debug, Deserialize)]
pub struct Meta {
    /// Divides images and k-space.
    pub ref_factor: f32,
    /// Divides the condition image.
    pub cond_factor: f32,
    /// Coefficients of the subspace, K.
    pub ksvd: usize,
    /// Arguments of the networks by name.
    pub unets: BTreeMap<String, PythonModel>,
    /// Whole runs.
    pub runs: Vec<RecordedRun>,
    /// Noise schedules by name, `schedule30` for example.
    #[serde(skip)]
    pub schedules: BTreeMap<String, RecordedSchedule>,
    #[serde(skip)]
    path: PathBuf,
}

impl Meta {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ReconError::Config`] with file and key.
    pub fn read(path: &Path) -> Result<Self, ReconError> {
        let value = read_json(path)?;
        let mut meta = Self { path: path.to_owned(), ..typed(path, "", &value)? };
        for (key, value) in value.as_object().into_iter().flatten().filter(|(key, _)| key.starts_with("schedule")) {
            meta.schedules.insert(key.clone(), typed(path, key, value)?);
        }
        Ok(meta)
    }

    /// A run by its tag, the name of its files.
    ///
    /// # Errors
    /// [`ReconError::File`] with the tags that there are.
    pub fn run(&self, tag: &str) -> Result<&RecordedRun, ReconError> {
        let found = self.runs.iter().find(|run| run.tag == tag);
        found.ok_or_else(|| self.lacks("runs", tag, self.runs.iter().map(|run| &run.tag).collect()))
    }

    /// A network by its name.
    ///
    /// # Errors
    /// [`ReconError::File`] with the names that there are.
    pub fn network(&self, name: &str) -> Result<&PythonModel, ReconError> {
        self.unets.get(name).ok_or_else(|| self.lacks("unets", name, self.unets.keys().collect()))
    }

    fn lacks(&self, key: &str, name: &str, found: Vec<&String>) -> ReconError {
        ReconError::input(&self.path, format!("key `{key}`: expected an entry for `{name}`, found {found:?}"))
    }
}

fn typed<T: DeserializeOwned>(path: &Path, parent: &str, value: &Value) -> Result<T, ReconError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let key = [parent.to_owned(), error.path().to_string()].join(".");
        let key = key.trim_matches('.').to_owned();
        let key = if key.is_empty() { ".".into() } else { key };
        ConfigError::Invalid {
            origin: Origin::Base(path.display().to_string()),
            key,
            message: error.into_inner().to_string(),
        }
        .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_file_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meta.json");
        let error = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Meta::read(&path).unwrap_err().to_string()
        };
        let start = r#"{ "ref_factor": 0.1, "cond_factor": 1e-6, "ksvd": 5, "unets": {}, "runs": []"#;
        assert!(error("{}").contains("meta.json: .: missing field `ref_factor`"));
        let wrong = error(&format!(r#"{start}, "schedule30": {{ "timestep_map": [0, "x"] }} }}"#));
        assert!(wrong.contains("meta.json: schedule30.timestep_map[1]: invalid type"), "{wrong}");
        std::fs::write(&path, format!("{start} }}")).unwrap();
        assert!(Meta::read(&path).unwrap().run("a").unwrap_err().to_string().contains("an entry for `a`"));
    }
}
