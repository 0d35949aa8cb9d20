//! What can be wrong with a configuration.

use std::fmt;
use std::path::PathBuf;

/// Where a key or a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration itself, by its file or name.
    Base(String),
    /// An override, as `key=value`.
    Override(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Base(name) | Self::Override(name)) = self;
        formatter.write_str(name)
    }
}

/// What is wrong with a configuration, where, and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {error}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The text is no JSON.
    #[error("{origin}: not valid JSON: {error}")]
    Syntax {
        /// File or name of the configuration.
        origin: String,
        /// The parser's words, with line and column.
        error: serde_json::Error,
    },
    /// An override is not of the form `a.b=c`.
    #[error("{text}: expected KEY=VALUE with a dotted key, such as solver.iterations=40")]
    NotAnOverride {
        /// What was given.
        text: String,
    },
    /// An override goes below something that has no keys.
    #[error("{key}: `{parent}` is {found} in {origin}, so nothing can be set below it")]
    BelowScalar {
        /// The whole key.
        key: String,
        /// The part of it that holds no keys.
        parent: String,
        /// What is there instead.
        found: &'static str,
        /// File or name of the configuration.
        origin: String,
    },
    /// An override names an element that a list does not have.
    #[error("{key}: `{parent}` in {origin} is a list of {length}; expected an index from 0, got `{index}`")]
    NoSuchElement {
        /// The whole key.
        key: String,
        /// The key of the list.
        parent: String,
        /// What was given as index.
        index: String,
        /// Elements of the list.
        length: usize,
        /// File or name of the configuration.
        origin: String,
    },
    /// A key that nothing reads.
    #[error("{origin}: unknown key `{key}`")]
    UnknownKey {
        /// What holds the key.
        origin: Origin,
        /// Dotted key.
        key: String,
    },
    /// An override of a setting that the rest of the configuration makes meaningless.
    #[error("{key}: has no effect on {origin}: {reason}; leave it out")]
    NoEffect {
        /// What was set.
        key: String,
        /// File or name of the configuration.
        origin: String,
        /// Why nothing reads it.
        reason: &'static str,
    },
    /// A value of the wrong type or out of its range, or a missing key.
    #[error("{origin}: {key}: {message}")]
    Invalid {
        /// What holds the value.
        origin: Origin,
        /// Dotted key; `.` is the whole configuration.
        key: String,
        /// What was expected and what came.
        message: String,
    },
}

impl ConfigError {
    /// Whether an override is to blame rather than the configuration that it changes. The message then begins with the override.
    pub fn is_of_override(&self) -> bool {
        match self {
            Self::NotAnOverride { .. }
            | Self::BelowScalar { .. }
            | Self::NoSuchElement { .. }
            | Self::NoEffect { .. } => true,
            Self::UnknownKey { origin, .. } | Self::Invalid { origin, .. } => matches!(origin, Origin::Override(_)),
            Self::Unreadable { .. } | Self::Syntax { .. } => false,
        }
    }
}
