//! Where a library was found.

use std::fmt;

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
