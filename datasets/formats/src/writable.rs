//! Whether results can be written, before there are any.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::atomic_file::{folder_of, temporary_file_in};
use crate::{Error, Result};

/// Fails when a folder cannot be made or written: makes it, writes a probe, and leaves everything as it was.
///
/// # Errors
/// [`Error::Write`] naming the folder.
pub fn check_writable_folder(folder: &Path) -> Result<()> {
    probe(folder).map_err(|source| Error::Write { path: folder.into(), source })
}

/// Fails when a file cannot be written: as [`check_writable_folder`] for its folder, and when a folder has its name. An older
/// file of that name stays.
///
/// # Errors
/// [`Error::Write`] naming the file.
pub fn check_writable_file(file: &Path) -> Result<()> {
    let result = match file.is_dir() {
        true => Err(io::Error::new(io::ErrorKind::IsADirectory, "expected the name of a file, got that of a folder")),
        false => probe(&folder_of(file)),
    };
    result.map_err(|source| Error::Write { path: file.into(), source })
}

fn probe(folder: &Path) -> io::Result<()> {
    let missing: Vec<PathBuf> = folder
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .map(Path::to_owned)
        .collect();
    let result = fs::create_dir_all(folder).and_then(|()| temporary_file_in(folder).map(drop));
    for made in &missing {
        // Never there when it could not be made; never empty when somebody else has begun to use it. Both may stay so.
        let _ = fs::remove_dir(made);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        check_writable_folder(&path("a/b/c")).unwrap();
        check_writable_file(&path("a/b.mat")).unwrap();
        check_writable_folder(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::create_dir(path("a")).unwrap();
        check_writable_folder(&path("a/b")).unwrap();
        assert_eq!(fs::read_dir(path("a")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "in the way").unwrap();
        for failed in [check_writable_folder(&path("file")), check_writable_folder(&path("file/out"))] {
            assert!(failed.unwrap_err().to_string().contains("file"), "names the folder");
        }
        check_writable_file(&path("file")).unwrap();
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "in the way");
        let error = check_writable_file(folder.path()).unwrap_err().to_string();
        assert!(error.contains("cannot write") && error.contains("got that of a folder"), "{error}");
    }
}
