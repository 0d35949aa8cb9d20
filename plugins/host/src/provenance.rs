//! Where a component came from.

use std::path::PathBuf;

use serde::Serialize;

use crate::Origin;

/// Where a component came from, to be written beside a result.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// ID of the component.
    pub id: String,
    /// Version of the plugin; of one that is linked into the program, the program's.
    pub version: String,
    /// The library; `None` for a plugin that is linked into the program.
    pub path: Option<PathBuf>,
    /// SHA-256 of the library in hexadecimal; `None` for a plugin that is linked into the program.
    pub sha256: Option<String>,
    /// By which rule it was found.
    pub origin: Origin,
}
