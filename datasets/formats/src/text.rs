//! Text files of a sensible size.

use std::io::{self, Read};
use std::path::Path;

use crate::open_file;

/// Longest text that is read: settings and sequences have a few megabytes at most, and a device never ends.
const MOST: u64 = 64 << 20;

/// The text of a file of at most 64 MiB, such as JSON.
///
/// # Errors
/// What the system says, and when the file is longer or no text.
pub fn read_text(path: impl AsRef<Path>) -> io::Result<String> {
    let mut text = String::new();
    open_file(path)?.take(MOST + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST {
        true => {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("expected a text of at most {} MiB", MOST >> 20)))
        }
        false => Ok(text),
    }
}
