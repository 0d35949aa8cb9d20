//! Files that are there completely or not at all.

use std::io::Write;
use std::path::Path;

use tempfile::Builder;

use crate::{Error, Result};

/// Writes under a temporary name in the folder of `path`, and renames the file when it is on the disk. Whatever fails, an
/// older file of that name stays as it was.
///
/// # Errors
/// [`Error::File`] when the file cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    try_write(path, bytes).map_err(|error| Error::file(path, error))
}

fn try_write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = Builder::new();
    // The names by which `diph_datasets::remove_stale_temporaries` knows what a killed program leaves behind.
    builder.prefix(".diph-").suffix(".tmp").rand_bytes(6);
    share_like_other_files(&mut builder);
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|failed| failed.error)
}

/// Temporary files are private by default; these get the permissions that the user's umask gives to any file.
#[cfg(unix)]
fn share_like_other_files(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn share_like_other_files(_builder: &mut Builder<'_, '_>) {}
