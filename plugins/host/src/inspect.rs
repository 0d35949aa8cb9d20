//! A look at a file before the system's loader runs its constructors.

use std::fs::File;
use std::path::Path;

use diph_plugin_abi::ENTRY_SYMBOL;
use object::read::{Object, ObjectSegment, ReadCache};

use crate::LoadError;

/// Whether the library exports the entry symbol. Reads a few headers and the table of exported symbols only.
///
/// The loader must not see a file that this has not passed: it maps a truncated library without complaint, and the process
/// dies at the first access beyond its end.
pub(crate) fn exports_entry(path: &Path) -> Result<bool, LoadError> {
    let read = |source| LoadError::Read { path: path.into(), source };
    let not_a_library = |reason: String| LoadError::NotALibrary { path: path.into(), reason };
    // Before it is opened: opening a pipe waits for somebody to write to it.
    let metadata = std::fs::metadata(path).map_err(read)?;
    if !metadata.is_file() {
        return Err(not_a_library("not a regular file".into()));
    }
    let file = File::open(path).map_err(read)?;
    let cache = ReadCache::new(file);
    let object = object::File::parse(&cache).map_err(|error| not_a_library(error.to_string()))?;
    for segment in object.segments() {
        let (start, size) = segment.file_range();
        if start.checked_add(size).is_none_or(|end| end > metadata.len()) {
            return Err(not_a_library(format!("it ends at {} bytes, inside of a segment", metadata.len())));
        }
    }
    let exports = object.exports().map_err(|error| not_a_library(error.to_string()))?;
    // Mach-O puts an underscore in front of C names.
    let is_entry = |name: &[u8]| name.strip_prefix(b"_").unwrap_or(name) == ENTRY_SYMBOL.as_bytes();
    for export in exports {
        let export = export.map_err(|error| not_a_library(error.to_string()))?;
        if export.name().into_name().is_some_and(is_entry) {
            return Ok(true);
        }
    }
    Ok(false)
}
