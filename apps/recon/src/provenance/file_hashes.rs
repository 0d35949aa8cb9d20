//! Hashes of the files of a run.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256 of every file that a run has read, each of which is hashed once, however many slices and methods read it.
#[derive(Debug, Default)]
pub struct FileHashes(Mutex<BTreeMap<PathBuf, String>>);

impl FileHashes {
    /// The file with its hash, which is that of its content when it was first asked for.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(&self, path: &Path) -> io::Result<InputFile> {
        // A hash is whole or not there, whatever happened to a thread that held the lock.
        let mut hashes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sha256 = match hashes.get(path) {
            Some(known) => known.clone(),
            None => hashes.entry(path.to_owned()).insert_entry(sha256(path)?).get().clone(),
        };
        Ok(InputFile { path: path.display().to_string(), sha256 })
    }
}

/// SHA-256 of a file in hexadecimal.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = diph_formats::open_file(path)?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut chunk)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => hasher.update(&chunk[..count]),
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// The path as the user typed it, or below the folder that the user typed.
    pub path: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_hashed_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ksp.npz");
        std::fs::write(&path, "abc").unwrap();
        let hashes = FileHashes::default();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hashes.of(&path).unwrap().sha256, expected);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(hashes.of(&path).unwrap().sha256, expected, "read again");
        assert!(hashes.of(&folder.path().join("absent")).is_err());
    }
}
