//! Importance of a message.

/// Importance of a message to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the developer.
    Debug = 0,
    /// Good to know.
    Info = 1,
    /// Something may be wrong.
    Warning = 2,
    /// Something is wrong.
    Error = 3,
}
