//! Methods by name or from files.

use std::path::Path;

use super::{BUILT_IN, Method};
use crate::config::{ConfigError, Override, load, parse_json, read_json};

impl Method {
    /// The built-in method of that name, or the method in that file, with overrides on top.
    ///
    /// # Errors
    /// When the file cannot be read, or a key or value makes no sense; the error names file and key.
    pub fn read(name_or_file: &str, overrides: &[Override]) -> Result<Self, ConfigError> {
        let base = match BUILT_IN.iter().find(|(name, _)| *name == name_or_file) {
            Some((name, text)) => parse_json(text, name)?,
            None => read_json(Path::new(name_or_file))?,
        };
        load(base, name_or_file, overrides)
    }
}
