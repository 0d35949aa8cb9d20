//! What a killed program leaves behind.

use std::fs;
use std::path::Path;

use crate::atomic_file::{PREFIX, RANDOM_CHARACTERS, SUFFIX};
use crate::{Error, Result};

/// Removes the temporary files that [`write_atomically`](crate::write_atomically) leaves in a folder when the program is
/// killed while it writes. Other files, and everything in the folders below, stay. A folder that is not there is clean.
///
/// Nothing may be writing to the folder: a temporary file that is still in use is not told from one that is left over.
///
/// # Errors
/// [`Error::Read`] when the folder cannot be listed, [`Error::Write`] naming a file that cannot be removed.
pub fn remove_stale_temporaries(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(|source| Error::read(folder, source))? {
        let entry = entry.map_err(|source| Error::read(folder, source))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_temporary) {
            fs::remove_file(entry.path()).map_err(|source| Error::Write { path: entry.path(), source })?;
        }
    }
    Ok(())
}

fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| random.len() == RANDOM_CHARACTERS && random.chars().all(|c| c.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic_file::temporary_file_in;

    #[test]
    fn only_temporaries_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (_, left_over) = temporary_file_in(folder.path()).unwrap().keep().unwrap();
        let others =
            ["log.csv", ".diph-notes.tmp", ".diph-abc1234.tmp", ".diph-abc12-.tmp", "diph-abc123.tmp", ".diph"];
        for name in others {
            fs::write(path(name), "mine").unwrap();
        }
        fs::create_dir(path(".diph-folder.tmp")).unwrap();
        remove_stale_temporaries(folder.path()).unwrap();
        assert!(!left_over.exists());
        assert!(others.iter().all(|name| path(name).exists()) && path(".diph-folder.tmp").exists());
        remove_stale_temporaries(&path("absent")).unwrap();
    }
}
