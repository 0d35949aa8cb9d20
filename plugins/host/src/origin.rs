//! Where a library was found.

use std::fmt;

use serde::Serialize;

/// By which rule a library was found, in the order of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The file itself was named.
    File,
    /// A directory that was named (`--plugin-dir`).
    Argument,
    /// A directory of `DIPH_PLUGIN_PATH`.
    Environment,
    /// The directory of the executable, or `deps` in it.
    Executable,
    /// `diph/plugins` in the user's data directory.
    UserData,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "named file",
            Self::Argument => "--plugin-dir",
            Self::Environment => "DIPH_PLUGIN_PATH",
            Self::Executable => "directory of the executable",
            Self::UserData => "user data directory",
        })
    }
}
