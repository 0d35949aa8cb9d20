//! One process at a time in a folder of results.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::atomic_file::{is_temporary, refuse_special};
use crate::{Error, Result};

const NAME: &str = ".diph-lock";

/// Whether a name is that of a lock or of a temporary file: all that a process leaves that was killed before it wrote anything.
pub fn is_left_over(name: &str) -> bool {
    name == NAME || is_temporary(name)
}

/// Keeps other processes out of a folder as long as it lives. The lock belongs to the process: it ends with it, however it ends,
/// and the file that a killed one leaves is taken over by the next.
///
/// ```
/// use diph_formats::FolderLock;
/// let folder = tempfile::tempdir().unwrap();
/// let lock = FolderLock::take(folder.path()).unwrap();
/// let refused = FolderLock::take(folder.path()).unwrap_err().to_string();
/// assert!(refused.contains(&format!("process {}", std::process::id())));
/// drop(lock);
/// FolderLock::take(folder.path()).unwrap();
/// ```
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    /// `None` on a file system that knows no locks.
    file: Option<File>,
    /// Folders that were made for it, the innermost first; they go where nothing else was put there.
    made: Vec<PathBuf>,
}

impl FolderLock {
    /// Takes the lock of a folder, which is made where it is missing.
    ///
    /// # Errors
    /// [`Error::Busy`] when another process has it, [`Error::Write`] when the folder cannot be written.
    pub fn take(folder: &Path) -> Result<Self> {
        let failed = |source| Error::Write { path: folder.into(), source };
        let made = missing_folders(folder);
        let mut lock = Self { path: folder.join(NAME), file: None, made };
        fs::create_dir_all(folder).map_err(failed)?;
        refuse_special(&lock.path).map_err(failed)?;
        loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(&lock.path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => (),
                Err(TryLockError::WouldBlock) => {
                    let process = owner(file);
                    // The other process made the folder, or has use for it.
                    lock.made.clear();
                    return Err(Error::Busy { path: folder.into(), process });
                }
                Err(TryLockError::Error(_)) => {
                    // Some network file systems know no locks, and nobody else can have one there.
                    drop(file);
                    return match fs::remove_file(&lock.path) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                        _ => Ok(lock),
                    };
                }
            }
            // Whoever had the lock before may have removed the file in between.
            if is_same(&file, &lock.path) {
                file.set_len(0).and_then(|()| write!(&file, "{}", std::process::id())).map_err(failed)?;
                lock.file = Some(file);
                return Ok(lock);
            }
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if self.file.is_some() {
            // Removed while it is held, so that nobody else's is. Left behind it disturbs nobody.
            let _ = fs::remove_file(&self.path);
        }
        for made in &self.made {
            // Not empty once there are results.
            let _ = fs::remove_dir(made);
        }
    }
}

/// The folder and those above it that are not there, the innermost first.
pub(crate) fn missing_folders(folder: &Path) -> Vec<PathBuf> {
    let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
    folder.ancestors().take_while(is_missing).map(Path::to_owned).collect()
}

fn owner(file: File) -> Option<u32> {
    let mut text = String::new();
    file.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |file: fs::Metadata, there: fs::Metadata| (file.dev(), file.ino()) == (there.dev(), there.ino());
    file.metadata().is_ok_and(|file| fs::metadata(path).is_ok_and(|there| same(file, there)))
}

#[cfg(not(unix))]
fn is_same(_file: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_was_made_for_nothing_goes() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("a/b");
        drop(FolderLock::take(&out).unwrap());
        assert!(!folder.path().join("a").exists());
        let lock = FolderLock::take(&out).unwrap();
        fs::write(out.join("maps.npz"), "").unwrap();
        drop(lock);
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "results alone");
    }

    #[test]
    fn the_lock_of_a_killed_process_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(NAME), "4711").unwrap();
        drop(FolderLock::take(folder.path()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
