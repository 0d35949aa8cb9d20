//! Files that are there completely or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::{Error, Result};

/// What names of temporary files begin and end with. `diph-diffusion`, which stands beside this crate, names its own the same.
pub(crate) const PREFIX: &str = ".diph-";
pub(crate) const SUFFIX: &str = ".tmp";
/// Letters and digits between them.
pub(crate) const RANDOM_CHARACTERS: usize = 6;

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
/// diph_datasets::write_atomically(&path, |file| file.write_all(b"{}")).unwrap();
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
    writer.flush()?;
    drop(writer);
    temporary.persist(path).map_err(|failed| failed.error)
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
}
