//! What is wrong with a sequence file.

/// What is wrong with a Pulseq file, and in which line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PulseqError {
    /// A line is not what its section asks for.
    #[error("line {line}: expected {expected}, got `{got}`")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What should stand there.
        expected: String,
        /// What stands there.
        got: String,
    },
    /// A block or event names another event that is not in the file.
    #[error("line {line}: {kind} {id} is not in the file")]
    NoSuchEvent {
        /// Number of the line, from 1.
        line: usize,
        /// Kind of the event, for example `shape`.
        kind: &'static str,
        /// Its number.
        id: u32,
    },
    /// The file has no version, or one of another format.
    #[error("expected a Pulseq file of version 1.2 to 1.5, got {0}")]
    Version(String),
    /// The file announces more than its length justifies.
    #[error("line {line}: {what} of {count}, more than {most}")]
    TooMuch {
        /// Number of the line, from 1.
        line: usize,
        /// What there is too much of.
        what: &'static str,
        /// How much the file asks for.
        count: String,
        /// The most that is read.
        most: usize,
    },
    /// The file has no blocks.
    #[error("expected at least one block, got a file without")]
    Empty,
}

/// Result of reading a sequence file.
pub type Result<T, E = PulseqError> = std::result::Result<T, E>;

impl PulseqError {
    pub(crate) fn line(line: usize, expected: impl Into<String>, got: impl Into<String>) -> Self {
        /// No message repeats a line of any length.
        const LONGEST: usize = 80;
        let got: String = got.into().chars().take(LONGEST).collect();
        Self::Line { line, expected: expected.into(), got }
    }
}
