//! Files that are there completely or not at all, and what a killed program leaves of them.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::{Error, Result};

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".diph-";
const SUFFIX: &str = ".tmp";
/// How many letters and digits stand between them.
const RANDOM_CHARACTERS: usize = 6;

/// Writes a file under a temporary name in the same folder and renames it when it is complete.
///
/// Missing parent folders are made. Whatever fails, no partial file is left behind and an older file of that name
/// stays as it was.
///
/// # Errors
/// [`Error::Write`] when the folder cannot be written or `write` fails.
///
/// ```
/// use std::io::Write;
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("results/metrics.json");
/// diph_formats::write_atomically(&path, |file| file.write_all(b"{}")).unwrap();
/// assert_eq!(std::fs::read_to_string(path).unwrap(), "{}");
/// ```
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> Result<()> {
    try_write(path, write).map_err(|source| Error::Write { path: path.into(), source })
}

fn try_write(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(&folder)?;
    let (file, temporary) = temporary_file_in(&folder)?.into_parts();
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    // The name may reach the disk before the content otherwise, and a crash of the machine would leave an empty file.
    writer.into_inner()?.sync_all()?;
    temporary.persist(path).map_err(|failed| failed.error)
}

/// Removes the temporary files that [`write_atomically`] leaves in a folder when the program is
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

/// A file that vanishes unless it gets another name.
pub(crate) fn temporary_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM_CHARACTERS);
    share_like_other_files(&mut builder);
    builder.tempfile_in(folder)
}

/// The folder that holds a path; the current one for a bare name.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.into(),
        _ => PathBuf::from("."),
    }
}

/// Temporary files are private by default; results get the permissions that the user's umask gives to any file.
#[cfg(unix)]
fn share_like_other_files(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn share_like_other_files(_builder: &mut Builder<'_, '_>) {}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.npz");
        write_atomically(&path, |file| file.write_all(b"old")).unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"new")?;
            Err(io::Error::other("disk full"))
        });
        assert!(failed.unwrap_err().to_string().ends_with("maps.npz: cannot write: disk full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_a_typed_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "in the way").unwrap();
        let failed = write_atomically(&file.join("maps.npz"), |_| Ok(()));
        assert!(matches!(failed, Err(Error::Write { .. })));
    }

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
