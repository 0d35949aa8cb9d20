//! Whether a file or folder is there at all.

use std::path::Path;
use std::{fs, io};

use crate::{Error, Result};

/// Whether something of that name is there: a file, a folder, or a link, wherever that leads.
///
/// Only a name that does not exist counts as absent. What is there and cannot be reached (a link to a disk that is not mounted, a
/// folder that may not be searched) is an error, because taking it for absent would put other data in its place.
///
/// # Errors
/// [`Error::Missing`] when a folder on the way is a link to nothing, [`Error::Read`] for whatever else the system says.
///
/// ```
/// let folder = tempfile::tempdir().unwrap();
/// assert!(diph_formats::is_there(folder.path()).unwrap());
/// assert!(!diph_formats::is_there(folder.path().join("mask.npz")).unwrap());
/// ```
pub fn is_there(path: impl AsRef<Path>) -> Result<bool> {
    let path = path.as_ref();
    match fs::symlink_metadata(path) {
        Ok(_) => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
        Err(error) => return Err(Error::read(path, error)),
    }
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(false) };
    if is_there(folder)? {
        fs::metadata(folder).map_err(|error| Error::read(folder, error))?;
    }
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_to_nothing_is_there_and_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("ksp.npz");
        symlink("/nowhere/ksp.npz", &link).unwrap();
        assert!(is_there(&link).unwrap());
        let error = crate::NpzFile::open(&link).err().unwrap().to_string();
        assert!(error.contains("ksp.npz") && error.contains("a link to /nowhere/ksp.npz"), "{error}");
    }

    #[test]
    fn nothing_is_known_of_what_lies_behind_a_link_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("synthesized_ksp");
        symlink("/nowhere/disk", &link).unwrap();
        let error = is_there(link.join("ksp.npz")).unwrap_err().to_string();
        assert!(error.contains("synthesized_ksp") && error.contains("/nowhere/disk"), "{error}");
        assert!(!is_there(folder.path().join("absent/ksp.npz")).unwrap());
    }

    #[test]
    fn a_file_where_a_folder_should_be_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("qmaps"), "").unwrap();
        assert!(matches!(is_there(folder.path().join("qmaps/mask.npz")), Err(Error::Read { .. })));
    }
}
