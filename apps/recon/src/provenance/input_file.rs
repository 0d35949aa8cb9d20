//! A file that was read.

use serde::{Deserialize, Serialize};

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// The path as the user typed it, or below the folder that the user typed.
    pub path: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}
