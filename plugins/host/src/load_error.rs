//! Why a library is no usable plugin.

use std::path::PathBuf;

/// Why a file is no usable plugin. Every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("plugin {}: {source}", path.display())]
    Read {
        /// The file that was looked at.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The file is no shared library, or only a part of one.
    #[error("plugin {}: expected a whole shared library, got a file that is truncated or something else: {reason}", path.display())]
    NotALibrary {
        /// The file that was looked at.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A shared library without the entry symbol.
    #[error("plugin {}: expected the exported symbol `diph_plugin_entry`, which it lacks: not a Diph plugin", path.display())]
    MissingSymbol {
        /// The file that was looked at.
        path: PathBuf,
    },
    /// The system's loader refused it.
    #[error("plugin {}: the system cannot open it: {reason}", path.display())]
    Open {
        /// The file that was looked at.
        path: PathBuf,
        /// The message of the loader.
        reason: String,
    },
    /// Others could have written or changed it.
    #[error(
        "plugin {}: {reason}: it is not opened, because its code would run with your rights; mend owner and permissions, or \
         allow it with --allow-untrusted-plugins",
        path.display()
    )]
    Untrusted {
        /// The file that was looked at.
        path: PathBuf,
        /// What is wrong with its owner or permissions.
        reason: String,
    },
    /// The lock of plugins has it with another content.
    #[error(
        "plugin {}: it has changed since it was locked: expected SHA-256 {expected}, got {got}; it is not opened; if you trust the \
         new one, lock again with `diph plugin lock`",
        path.display()
    )]
    Changed {
        /// The file that was looked at.
        path: PathBuf,
        /// SHA-256 in the lock.
        expected: String,
        /// SHA-256 of the file.
        got: String,
    },
    /// The lock of plugins does not have it.
    #[error(
        "plugin {}: it is not in the lock (SHA-256 {got}), so it is not opened; remove it, or lock again with `diph plugin lock` if \
         you trust it",
        path.display()
    )]
    NotLocked {
        /// The file that was looked at.
        path: PathBuf,
        /// SHA-256 of the file.
        got: String,
    },
    /// Built for another major version of the interface.
    #[error("plugin {}: expected ABI major version {expected}, got {got}; rebuild it against this version's header", path.display())]
    AbiVersion {
        /// The file that was looked at.
        path: PathBuf,
        /// Major version of the interface that this host speaks.
        expected: u32,
        /// Major version of the interface that the plugin speaks.
        got: u32,
    },
    /// A struct or text that breaks the rules of the interface.
    #[error("plugin {}: {part}: {reason}", path.display())]
    Malformed {
        /// The file that was looked at.
        path: PathBuf,
        /// Struct or text that breaks the rules.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Whatever it was that a worker could not do with it, in the worker's words.
    #[error("{message}")]
    Isolated {
        /// The file that was looked at.
        path: PathBuf,
        /// What the worker said, or how it ended; names the file.
        message: String,
    },
    /// The plugin's own initialisation failed.
    #[error("plugin {}: init failed: {message}", path.display())]
    Init {
        /// The file that was looked at.
        path: PathBuf,
        /// The message of the plugin.
        message: String,
    },
    /// A directory of `DIPH_PLUGIN_PATH` that depends on the current directory.
    #[error("DIPH_PLUGIN_PATH: expected absolute directories, got {}; it is left out", path.display())]
    RelativeDirectory {
        /// The directory that was searched.
        path: PathBuf,
    },
}
