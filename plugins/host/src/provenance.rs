//! Where a component came from: the rule that found it, and what is written beside a result.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// By which rule a plugin was found, in the order of the search: the first that offers an ID wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The file itself was named.
    File,
    /// A directory that was named (`--plugin-dir`).
    Argument,
    /// Found in a directory that `DIPH_PLUGIN_PATH` names.
    Environment,
    /// `lib/diph/plugins` beside the directory of the executable.
    Installation,
    /// `diph/plugins` in the user's data directory.
    UserData,
    /// Linked into the program itself.
    BuiltIn,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "named file",
            Self::Argument => "--plugin-dir",
            Self::Environment => "DIPH_PLUGIN_PATH",
            Self::Installation => "installation",
            Self::UserData => "user data directory",
            Self::BuiltIn => "built in",
        })
    }
}

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
