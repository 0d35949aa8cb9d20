//! Whether results may be written, before there are any, and whose file they would replace.

use std::io::Write;
use std::path::Path;
use std::{fs, io};

use crate::atomic_file::{folder_of, refuse_special, remove_stale_temporaries, temporary_file_in};
use crate::folder_lock::missing_folders;
use crate::{Error, Result, is_there, write_atomically};

/// Fails when a folder cannot be made or written: makes it, writes a probe, and leaves everything as it was.
///
/// # Errors
/// [`Error::Write`] naming the folder.
pub fn check_writable_folder(folder: &Path) -> Result<()> {
    probe(folder).map_err(|source| Error::Write { path: folder.into(), source })
}

/// Fails when a file cannot be written: as [`check_writable_folder`] for its folder, and when something that is no file (a
/// folder, a link, a device) has its name. An older file of that name stays.
///
/// # Errors
/// [`Error::Write`] naming the file.
pub fn check_writable_file(file: &Path) -> Result<()> {
    let result = refuse_special(file).and_then(|()| probe(&folder_of(file)));
    result.map_err(|source| Error::Write { path: file.into(), source })
}

/// Fails when something that is no file (a folder, a link, a device) has the name of a file that may be replaced.
///
/// # Errors
/// [`Error::Write`] naming it.
pub fn check_regular(file: &Path) -> Result<()> {
    refuse_special(file).map_err(|source| Error::Write { path: file.into(), source })
}

/// Fails when `output` is one of the files or folders that the same command reads, under whatever name, or a folder that such a
/// file or folder lies in.
///
/// # Errors
/// [`Error::IsInput`] naming the output.
pub fn check_not_input<'a>(output: &Path, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    let Ok(output_there) = fs::canonicalize(output) else { return Ok(()) };
    let is_output = |input: &Path| {
        fs::canonicalize(input)
            .is_ok_and(|input| input.starts_with(&output_there) || is_same_file(&input, &output_there))
    };
    match inputs.into_iter().any(is_output) {
        true => Err(Error::IsInput { path: output.into() }),
        false => Ok(()),
    }
}

/// One file that a command writes because the user has named it. Somebody's file of that name is kept unless the user says
/// otherwise; one with the very content that is written is no obstacle, so that the same command may run again.
#[derive(Debug)]
pub struct OutputFile<'a> {
    path: &'a Path,
    force: bool,
}

impl<'a> OutputFile<'a> {
    /// Checks all that can be known before there is anything to write; `inputs` are the files that the command reads, and
    /// `force` allows another file to be replaced. Removes what killed runs have left beside it.
    ///
    /// # Errors
    /// [`Error::IsInput`], and [`Error::Write`] when the file cannot be written.
    pub fn new(path: &'a Path, force: bool, inputs: &[&Path]) -> Result<Self> {
        check_not_input(path, inputs.iter().copied())?;
        check_writable_file(path)?;
        remove_stale_temporaries(&folder_of(path))?;
        Ok(Self { path, force })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// [`Error::InTheWay`] when a file with other content is there, [`Error::Write`] when it cannot be written.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        self.check(bytes)?;
        write_atomically(self.path, |file| file.write_all(bytes))
    }

    /// Fails where [`write`](Self::write) would, but for the disk.
    ///
    /// # Errors
    /// [`Error::InTheWay`] when a file with other content is there.
    pub fn check(&self, bytes: &[u8]) -> Result<()> {
        if self.force || !is_there(self.path)? || has_content(self.path, bytes) {
            return Ok(());
        }
        Err(Error::InTheWay { path: self.path.into(), what: "it is there and holds something else".into() })
    }
}

fn has_content(path: &Path, bytes: &[u8]) -> bool {
    let is_as_long = fs::metadata(path).is_ok_and(|file| file.len() == bytes.len() as u64);
    is_as_long && fs::read(path).is_ok_and(|there| there == bytes)
}

#[cfg(unix)]
fn is_same_file(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |path: &Path| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| (file.dev(), file.ino()));
    id(a).is_some_and(|a| Some(a) == id(b))
}

#[cfg(not(unix))]
fn is_same_file(_a: &Path, _b: &Path) -> bool {
    false
}

fn probe(folder: &Path) -> io::Result<()> {
    let missing = missing_folders(folder);
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

    #[test]
    fn only_the_same_content_is_replaced_without_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d.npz");
        let write = |force, bytes| OutputFile::new(&path, force, &[]).and_then(|file| file.write(bytes));
        write(false, b"first").unwrap();
        write(false, b"first").unwrap();
        assert!(matches!(write(false, b"other"), Err(Error::InTheWay { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(true, b"other").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }

    #[test]
    fn what_is_read_is_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let (input, other_name) = (folder.path().join("traj.mat"), folder.path().join("hard.mat"));
        fs::write(&input, "measured").unwrap();
        fs::hard_link(&input, &other_name).unwrap();
        for output in [&input, &folder.path().join("./traj.mat"), &other_name] {
            assert!(matches!(OutputFile::new(output, true, &[&input]), Err(Error::IsInput { .. })), "{output:?}");
        }
        assert!(OutputFile::new(&folder.path().join("new.mat"), false, &[&input]).is_ok());
        assert!(check_not_input(folder.path(), [folder.path()]).is_err());
        assert!(check_not_input(folder.path(), [input.as_path()]).is_err());
        assert!(check_not_input(&input, [folder.path()]).is_ok(), "another file of a folder that is read");
    }
}
