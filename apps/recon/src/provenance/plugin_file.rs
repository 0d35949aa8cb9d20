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
    /// File name of the library, without its folder; `built in` for a part of the program.
    pub library: String,
    /// SHA-256 of the library in hexadecimal; absent for a part of the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl PluginFile {
    /// The file that a component came from.
    pub fn of(provenance: &diph_plugin_host::Provenance) -> Self {
        Self {
            id: provenance.id.clone(),
            version: provenance.version.clone(),
            library: provenance.path.as_deref().map_or_else(|| provenance.origin.to_string(), file_name),
            sha256: provenance.sha256.clone(),
        }
    }
}

/// The last part of a path: where programs and libraries lie is the machine's business.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
