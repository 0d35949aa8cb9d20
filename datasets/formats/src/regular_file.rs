//! Files that are read to their end at once.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// Opens a file for reading. Pipes and devices are refused before they are opened: opening a pipe waits for somebody to write to it,
/// and no signal ends that; a device may have no end.
///
/// # Errors
/// Those of the system, and one that says what it is where it is no regular file. A folder is one of the system's.
pub fn open_file(path: impl AsRef<Path>) -> io::Result<File> {
    let path = path.as_ref();
    let kind = fs::metadata(path)?.file_type();
    match kind.is_file() || kind.is_dir() {
        true => File::open(path),
        false => Err(io::Error::other("it is a pipe or a device; write what it gives into a file")),
    }
}

/// The content of a file; see [`open_file`].
///
/// # Errors
/// As [`open_file`].
pub fn read_file(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_file(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}
