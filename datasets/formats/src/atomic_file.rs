//! Files that are there completely or not at all, and what a killed program leaves of them.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile, TempDir};

use crate::{Error, Result};

/// What the names of temporary files begin and end with.
const PREFIX: &str = ".diph-";
const SUFFIX: &str = ".tmp";
/// How many letters and digits stand between them.
const RANDOM_CHARACTERS: usize = 6;

/// Writes a file under a temporary name in the same folder and renames it when it is complete.
///
/// Missing parent folders are made. Whatever fails, no partial file is left behind and an older file of that name
/// stays as it was. Only files are replaced: a link, a device or a fifo of that name belongs to somebody else.
///
/// # Errors
/// [`Error::Write`] when the folder cannot be written, `path` is there and no regular file, or `write` fails.
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
    refuse_special(path)?;
    let folder = folder_of(path);
    fs::create_dir_all(&folder)?;
    let (file, temporary) = temporary_file_in(&folder)?.into_parts();
    let mut writer = BufWriter::new(file);
    write(&mut writer)?;
    // The name may reach the disk before the content otherwise, and a crash of the machine would leave an empty file.
    let file = writer.into_inner()?;
    file.sync_all()?;
    // The file stays open, and with it locked, until it has its name.
    temporary.persist(path).map_err(|failed| failed.error)
}

/// Fails when `path` is there and no regular file: renaming would put a file in the place of a device or of a link.
pub(crate) fn refuse_special(path: &Path) -> io::Result<()> {
    let kind = match fs::symlink_metadata(path) {
        Ok(there) => there.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let expected = |got: &str| format!("expected the name of a file, got that of {got}");
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(io::Error::new(io::ErrorKind::IsADirectory, expected("a folder")))
    } else if kind.is_symlink() {
        Err(io::Error::other(expected("a link; name its target")))
    } else {
        Err(io::Error::other(expected("a device, a pipe or a socket")))
    }
}

/// Removes what [`write_atomically`] and [`Staging`] leave in a folder when the program is killed while it writes. Everything
/// else stays, also what another process is writing at this moment, and everything in the folders below. A folder that is not
/// there is clean.
///
/// # Errors
/// [`Error::Read`] when the folder cannot be listed, [`Error::Write`] naming what cannot be removed.
pub fn remove_stale_temporaries(folder: &Path) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        entries => entries.map_err(|source| Error::read(folder, source))?,
    };
    for entry in entries {
        let entry = entry.map_err(|source| Error::read(folder, source))?;
        if !entry.file_name().to_str().is_some_and(is_temporary) {
            continue;
        }
        let path = entry.path();
        let removed = match entry.file_type() {
            Ok(kind) if kind.is_file() && is_abandoned(&path) => fs::remove_file(&path),
            Ok(kind) if kind.is_dir() && is_abandoned(&path) => fs::remove_dir_all(&path),
            _ => Ok(()),
        };
        match removed {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(Error::Write { path, source }),
            _ => (),
        }
    }
    Ok(())
}

/// Whether no process holds the lock that the writer of a temporary file or folder has; where locks are not known, it may be in
/// use.
fn is_abandoned(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

pub(crate) fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| random.len() == RANDOM_CHARACTERS && random.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// A file that vanishes unless it gets another name. Locked as long as it is open, so that nobody takes it for a left-over.
pub(crate) fn temporary_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM_CHARACTERS);
    share_like_other_files(&mut builder);
    loop {
        let file = builder.tempfile_in(folder)?;
        // A file system without locks has none to heed either.
        let _ = file.as_file().try_lock();
        // Taken for a left-over between the two calls above, otherwise.
        if file.path().exists() {
            return Ok(file);
        }
    }
}

/// A folder in which files wait until all of them are complete; it vanishes with everything in it when it is dropped. One that a
/// killed program has left is for [`remove_stale_temporaries`].
#[derive(Debug)]
pub struct Staging {
    // Dropped first: the lock must outlive the folder.
    folder: TempDir,
    _lock: Option<File>,
}

impl Staging {
    /// An empty folder below `parent`, which is made where it is missing.
    ///
    /// # Errors
    /// [`Error::Write`] naming `parent`.
    pub fn below(parent: &Path) -> Result<Self> {
        Self::try_below(parent).map_err(|source| Error::Write { path: parent.into(), source })
    }

    fn try_below(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let mut builder = Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM_CHARACTERS);
        share_like_other_folders(&mut builder);
        let folder = builder.tempdir_in(parent)?;
        // Where folders cannot be opened or locked, others cannot find this one unlocked either.
        let lock = File::open(folder.path()).ok().filter(|file| file.try_lock().is_ok());
        Ok(Self { folder, _lock: lock })
    }

    /// The folder to write into.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Moves a file or folder of this one to `target`, which must be on the same disk; a file that is there goes.
    ///
    /// # Errors
    /// [`Error::Write`] naming the target.
    pub fn move_out(&self, path: &Path, target: &Path) -> Result<()> {
        let moved = refuse_link(target).and_then(|()| fs::rename(path, target));
        moved.map_err(|source| Error::Write { path: target.into(), source })
    }
}

/// Folders are replaced too, after they were emptied; links, devices and pipes never.
fn refuse_link(path: &Path) -> io::Result<()> {
    match path.symlink_metadata() {
        Ok(there) if there.is_dir() => Ok(()),
        _ => refuse_special(path),
    }
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

/// As [`share_like_other_files`], for folders.
#[cfg(unix)]
fn share_like_other_folders(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o777));
}

#[cfg(not(unix))]
fn share_like_other_files(_builder: &mut Builder<'_, '_>) {}

#[cfg(not(unix))]
fn share_like_other_folders(_builder: &mut Builder<'_, '_>) {}

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
        fs::create_dir(path(".diph-things.tmp")).unwrap();
        fs::create_dir(path(".diph-folder.tmp")).unwrap();
        fs::write(path(".diph-folder.tmp/maps.npz"), "half of it").unwrap();
        let (in_use, staging) = (temporary_file_in(folder.path()).unwrap(), Staging::below(folder.path()).unwrap());
        remove_stale_temporaries(folder.path()).unwrap();
        assert!(!left_over.exists() && !path(".diph-folder.tmp").exists() && !path(".diph-things.tmp").exists());
        assert!(others.iter().all(|name| path(name).exists()));
        assert!(in_use.path().exists() && staging.path().exists(), "somebody is writing these");
        remove_stale_temporaries(&path("absent")).unwrap();
    }

    #[test]
    fn what_was_staged_appears_when_it_is_moved_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let staging = Staging::below(&folder.path().join("out")).unwrap();
        write_atomically(&staging.path().join("maps.npz"), |file| file.write_all(b"new")).unwrap();
        fs::write(staging.path().join("half.npz"), "").unwrap();
        staging.move_out(&staging.path().join("maps.npz"), &folder.path().join("out/maps.npz")).unwrap();
        drop(staging);
        let names: Vec<_> = fs::read_dir(folder.path().join("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["maps.npz"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_pipes_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target.npz"), folder.path().join("link.npz"));
        fs::write(&target, "old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, word) in [(&link, "a link"), (&pipe, "a pipe"), (&folder.path().to_owned(), "a folder")] {
            let error = write_atomically(path, |file| file.write_all(b"new")).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(link.is_symlink() && fs::read(&target).unwrap() == b"old");
    }
}
