//! Which file a component came from.

use std::path::PathBuf;

use serde::Serialize;

use crate::Origin;

/// Which file a component came from, to be written beside a result.
#[derive(Clone, Debug, Serialize)]
pub struct Provenance {
    /// ID of the component.
    pub id: String,
    /// Version of the plugin.
    pub version: String,
    /// The library.
    pub path: PathBuf,
    /// SHA-256 of the library in hexadecimal.
    pub sha256: String,
    /// By which rule it was found.
    pub origin: Origin,
}
