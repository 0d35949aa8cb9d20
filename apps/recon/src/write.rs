//! Files that are there completely or not at all.

use std::path::Path;

use serde::Serialize;

use crate::{Blame, ReconError};

/// Writes a value as JSON.
///
/// # Errors
/// [`ReconError::File`] naming the file when it cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ReconError> {
    let mut text = serde_json::to_string_pretty(value).file(path)?;
    text.push('\n');
    write_bytes(path, text.as_bytes())
}

/// Writes bytes.
///
/// # Errors
/// [`ReconError::File`] naming the file when it cannot be written.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), ReconError> {
    diph_formats::write_atomically(path, |file| std::io::Write::write_all(file, bytes)).file(path)
}
