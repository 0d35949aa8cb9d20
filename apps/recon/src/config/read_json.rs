//! JSON from files and from the program itself.

use std::path::Path;

use diph_formats::read_text;
use serde_json::Value;

use super::ConfigError;

/// Reads a JSON file.
///
/// # Errors
/// [`ConfigError::Unreadable`] and [`ConfigError::Syntax`], with line and column.
pub fn read_json(file: &Path) -> Result<Value, ConfigError> {
    let text = read_text(file).map_err(|error| ConfigError::Unreadable { file: file.to_owned(), error })?;
    parse_json(&text, &file.display().to_string())
}

/// Parses JSON; `origin` is its file or name, for messages.
///
/// # Errors
/// [`ConfigError::Syntax`] with line and column.
pub fn parse_json(text: &str, origin: &str) -> Result<Value, ConfigError> {
    serde_json::from_str(text).map_err(|error| ConfigError::Syntax { origin: origin.into(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("method.json");
        assert!(matches!(read_json(&file), Err(ConfigError::Unreadable { .. })));
        std::fs::write(&file, "{ \"steps\": }").unwrap();
        let error = read_json(&file).unwrap_err().to_string();
        assert!(error.contains("method.json: not valid JSON") && error.contains("line 1 column"), "{error}");
        std::fs::write(&file, "{ \"steps\": 3 }").unwrap();
        assert_eq!(read_json(&file).unwrap()["steps"], 3);
    }
}
