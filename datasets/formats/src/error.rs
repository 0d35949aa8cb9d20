//! What can be wrong with a file or with one array of it.

use std::io;
use std::path::{Path, PathBuf};

/// Result of reading or writing a file.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is wrong with a file: its path, the key of the array where there is one, what was expected and what came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file or folder.
    #[error("{}: no such file or folder{}", path.display(), suffix(advice))]
    Missing {
        /// The path that was looked for.
        path: PathBuf,
        /// What would put it there; may be empty.
        advice: String,
    },
    /// The operating system could not read it.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The operating system could not write it. Nothing is left behind.
    #[error("{}: cannot write: {source}{}", path.display(), suffix(remedy(source)))]
    Write {
        /// The file that was to be written.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Somebody's file or folder is where results should go.
    #[error("{}: {what}", path.display())]
    InTheWay {
        /// What was to be written.
        path: PathBuf,
        /// What is there, and why it is kept.
        what: String,
    },
    /// The output is what the same command reads.
    #[error("{}: it is read by the same command; name another place for the output", path.display())]
    IsInput {
        /// What was to be written.
        path: PathBuf,
    },
    /// Another process is writing into the folder.
    #[error("{}: {} is writing into it; wait for it, or name another folder", path.display(), other(*process))]
    Busy {
        /// The folder.
        path: PathBuf,
        /// Id of the other process, where it is known.
        process: Option<u32>,
    },
    /// The bytes are not what the format asks for: truncated, garbled, or another format.
    #[error("{}: not a valid {format}: {problem}", path.display())]
    Malformed {
        /// The file that is to blame.
        path: PathBuf,
        /// Name of the format, for example `.npz file`.
        format: &'static str,
        /// What is wrong with the bytes of the file.
        problem: String,
    },
    /// A format, or a variant of one, that Diph does not read or write.
    #[error("{}: {found} is not supported; {advice}", path.display())]
    Unsupported {
        /// The file that is to blame.
        path: PathBuf,
        /// What the file is instead of something that Diph reads.
        found: String,
        /// What the user can do to get a file that Diph reads.
        advice: String,
    },
    /// The file has no array of that name.
    #[error("{}: no key `{key}`; the keys there are: {}", path.display(), listing(available))]
    MissingKey {
        /// The file that is to blame.
        path: PathBuf,
        /// The key that was looked for.
        key: String,
        /// The keys that the file has.
        available: Vec<String>,
    },
    /// An array is not of the kind, shape or range that is needed.
    #[error("{}: key `{key}`: expected {expected}, got {got}", path.display())]
    Unexpected {
        /// The file that is to blame.
        path: PathBuf,
        /// The key of the array.
        key: String,
        /// Kind, axes or range that the array should have.
        expected: String,
        /// Kind, shape or value that the array has.
        got: String,
    },
    /// An array holds a NaN or an infinity.
    #[error("{}: key `{key}`: expected finite numbers, got a NaN or an infinity at {index:?}", path.display())]
    NotFinite {
        /// The file that is to blame.
        path: PathBuf,
        /// The key of the array.
        key: String,
        /// Indices of the first such value.
        index: Vec<usize>,
    },
}

impl Error {
    /// The error of a failed read: [`Error::Missing`] where there is nothing at `path`, or a link to nothing, [`Error::Read`]
    /// otherwise.
    pub fn read(path: &Path, source: io::Error) -> Self {
        if source.kind() != io::ErrorKind::NotFound {
            return Self::Read { path: path.into(), source };
        }
        let advice =
            dangling_target(path).map(|target| format!("it is a link to {}, which is not there", target.display()));
        Self::Missing { path: path.into(), advice: advice.unwrap_or_default() }
    }

    /// [`Error::Malformed`]: the bytes at `path` are no `format`, for example `.npz file`, because of `problem`.
    pub fn malformed(path: &Path, format: &'static str, problem: impl ToString) -> Self {
        Self::Malformed { path: path.into(), format, problem: problem.to_string() }
    }

    /// [`Error::Unexpected`]: the array `key` of the file at `path` is not what was expected.
    pub fn unexpected(path: &Path, key: &str, expected: impl ToString, got: impl ToString) -> Self {
        Self::Unexpected { path: path.into(), key: key.into(), expected: expected.to_string(), got: got.to_string() }
    }
}

/// Where a link leads that cannot be followed; `None` for everything else.
fn dangling_target(path: &Path) -> Option<PathBuf> {
    std::fs::read_link(path).ok().filter(|_| std::fs::metadata(path).is_err())
}

fn other(process: Option<u32>) -> String {
    process.map_or("another process".into(), |id| format!("process {id}"))
}

/// What to do about an error of the operating system that the user can do something about; may be empty.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::FileTooLarge => "raise the limit of this process (ulimit -f), or write to another file system",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room, and run the command again",
        _ => "",
    }
}

fn suffix(advice: &str) -> String {
    if advice.is_empty() { String::new() } else { format!("; {advice}") }
}

fn listing(keys: &[String]) -> String {
    if keys.is_empty() {
        return "none".into();
    }
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}
