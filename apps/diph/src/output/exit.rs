//! How the program ends.

use std::process::ExitCode;

/// Exit codes of `diph`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Success = 0,
    /// Something failed that is nobody's input.
    Failure = 1,
    /// The command line makes no sense (clap's own code as well).
    Usage = 2,
    /// A file or a value in it is missing, damaged or out of range.
    BadInput = 3,
    /// A check ran and found something: a plugin breaks its contract, a tolerance is missed.
    CheckFailed = 4,
    /// Some slices failed, and others are finished.
    PartlyFinished = 8,
    /// Ended by Ctrl-C, as shells report it (128 + SIGINT).
    Cancelled = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
