//! What a simulation has written into a data folder.

use std::collections::BTreeMap;
use std::path::Path;

use diph_formats::{Error, Result, is_there, read_text, write_atomically};
use serde::{Deserialize, Serialize};

const NAME: &str = "simulation.json";
const FORMAT: &str = "record of a simulation";

/// `simulation.json` of a data folder that was simulated: with what, which files, and whether it got to its end. A folder without
/// was measured, or put together by hand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulationRecord {
    /// Whether the simulation got to its end. Until then k-space and trajectory in the folder may belong to different ones.
    pub complete: bool,
    /// Fingerprint of the acquisition of every cut, as in the k-space that was measured with it.
    pub acquisitions: BTreeMap<usize, String>,
    /// SHA-256 of every file, by its path in the folder.
    pub files: BTreeMap<String, String>,
    /// Paths of the files that an unfinished simulation writes.
    pub writing: Vec<String>,
}

impl SimulationRecord {
    /// Reads the record of a data folder; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Read`], and [`Error::Malformed`] when it is no such record.
    pub fn read(root: &Path) -> Result<Option<Self>> {
        let path = root.join(NAME);
        if !is_there(&path)? {
            return Ok(None);
        }
        let text = read_text(&path).map_err(|source| Error::read(&path, source))?;
        serde_json::from_str(&text).map(Some).map_err(|error| Error::malformed(&path, FORMAT, error))
    }

    /// Writes the record of a data folder.
    ///
    /// # Errors
    /// [`Error::Write`].
    pub fn write(&self, root: &Path) -> Result<()> {
        write_atomically(&root.join(NAME), |file| Ok(serde_json::to_writer_pretty(file, self)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DatasetFolder, Error as DataError};

    #[test]
    fn an_unfinished_simulation_is_no_data_set() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(SimulationRecord::read(root.path()).unwrap(), None);
        let mut record = SimulationRecord { writing: vec!["qmaps/qmaps_vol0_slice0.npz".into()], ..Default::default() };
        record.write(root.path()).unwrap();
        assert!(matches!(DatasetFolder::open(root.path()), Err(DataError::Unfinished { .. })));
        record.complete = true;
        record.write(root.path()).unwrap();
        assert_eq!(SimulationRecord::read(root.path()).unwrap(), Some(record));
        assert!(DatasetFolder::open(root.path()).is_ok());
    }
}
