//! For whom the output is.

/// For whom the output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// A person: progress and notes on standard error, results as text on standard output.
    #[default]
    Human,
    /// A person who wants results, warnings and errors only.
    Quiet,
    /// A program: one JSON value on standard output, no progress.
    Json,
}

impl Mode {
    /// From the flags `--quiet` and `--json`; `--json` wins.
    pub fn from_flags(quiet: bool, json: bool) -> Self {
        match (json, quiet) {
            (true, _) => Self::Json,
            (false, true) => Self::Quiet,
            (false, false) => Self::Human,
        }
    }
}
