//! A plugin that took part.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A plugin that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PluginFile {
    /// Id of the component, for example `diph.mrf-nufft`.
    pub id: String,
    /// Version of the component.
    pub version: String,
    /// File name of the library, without its folder.
    pub library: String,
    /// SHA-256 of the library in hexadecimal.
    pub sha256: String,
}

impl PluginFile {
    /// The file that a component came from.
    pub fn of(provenance: &diph_plugin_host::Provenance) -> Self {
        Self {
            id: provenance.id.clone(),
            version: provenance.version.clone(),
            library: file_name(&provenance.path),
            sha256: provenance.sha256.clone(),
        }
    }
}

/// The last part of a path: where programs and libraries lie is the machine's business.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
