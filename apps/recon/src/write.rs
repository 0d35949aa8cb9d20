//! Files that are there completely or not at all.

use std::path::Path;

use serde::Serialize;

use crate::{Blame, ReconError};

/// Writes a value as JSON.
///
/// # Errors
/// [`ReconError::File`] naming the file when it cannot be written.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ReconError> {
    write_bytes(path, &json_bytes(value).file(path)?)
}

/// A value as the bytes of a JSON file.
///
/// # Errors
/// When it holds something that is no JSON.
pub fn json_bytes(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes bytes.
///
/// # Errors
/// [`ReconError::File`] naming the file when it cannot be written.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), ReconError> {
    diph_formats::write_atomically(path, |file| std::io::Write::write_all(file, bytes)).file(path)
}
