//! Why a command ended early.

use std::error::Error;
use std::path::Path;

use super::Exit;
use crate::config::ConfigError;
use crate::memory::NotEnoughMemory;

/// Why a command ended early, and which file or flag is to blame.
///
/// `Display` gives one line with the whole chain of causes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// A flag or argument is to blame.
    #[error("{}", named(flag, source.as_ref()))]
    Usage {
        /// The flag, for example `--cut`, or the environment variable.
        flag: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file is to blame.
    #[error("{}", named(file, source.as_ref()))]
    Input {
        /// The file as the user knows it.
        file: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A configuration is to blame.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot fit into memory.
    #[error(transparent)]
    Memory(#[from] NotEnoughMemory),
    /// A step of the work failed.
    #[error("{}", named(step, source.as_ref()))]
    Failed {
        /// The step, for example `reconstructing vol 0 slice 5`.
        step: String,
        /// What failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A check found something.
    #[error("{0}")]
    Check(String),
    /// The user asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl AppError {
    /// A flag or argument that makes no sense.
    pub fn usage(flag: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Usage { flag: flag.into(), source: message.into().into() }
    }

    /// A file that cannot be used.
    pub fn input(file: &Path, message: impl Into<String>) -> Self {
        Self::Input { file: file.display().to_string(), source: message.into().into() }
    }

    /// The code that the program ends with.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage { .. } => Exit::Usage,
            Self::Config(error) if error.is_usage() => Exit::Usage,
            Self::Input { .. } | Self::Config(_) => Exit::BadInput,
            Self::Failed { .. } | Self::Memory(_) => Exit::Failure,
            Self::Check(_) => Exit::CheckFailed,
            Self::Cancelled => Exit::Cancelled,
        }
    }
}

/// Computations that nobody put a name to.
impl From<diph_core::Error> for AppError {
    fn from(error: diph_core::Error) -> Self {
        match error {
            diph_core::Error::Cancelled { .. } => Self::Cancelled,
            other => Self::Failed { step: String::new(), source: other.into() },
        }
    }
}

/// A name in front of a chain of causes; left out where the chain says it already.
fn named(name: &str, error: &(dyn Error + 'static)) -> String {
    let chain = chain(error);
    if name.is_empty() || chain.starts_with(name) { chain } else { format!("{name}: {chain}") }
}

/// An error and its causes in one line; causes that an error already quotes are not repeated.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !line.contains(&words) {
            line = format!("{line}: {words}");
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_line_names_the_culprit_and_every_cause() {
        let source = Box::new(Outer(std::io::Error::other("disk full")));
        let error = AppError::Input { file: "a.npz".into(), source };
        assert_eq!(error.to_string(), "a.npz: outer: disk full");
        assert_eq!(AppError::usage("--cut", "expected 0..4, got 9").to_string(), "--cut: expected 0..4, got 9");
        let source = "a.npz: truncated".into();
        assert_eq!(AppError::Input { file: "a.npz".into(), source }.to_string(), "a.npz: truncated");
    }

    #[test]
    fn exit_codes() {
        assert_eq!(AppError::usage("--cut", "").exit() as u8, 2);
        assert_eq!(AppError::input(Path::new("a"), "").exit() as u8, 3);
        assert_eq!(AppError::Check(String::new()).exit() as u8, 4);
        assert_eq!(AppError::Cancelled.exit() as u8, 130);
        let failed = AppError::from(diph_core::Error::external("nufft", "no memory"));
        assert_eq!((failed.exit() as u8, failed.to_string()), (1, "nufft: no memory".into()));
        assert_eq!(AppError::from(diph_core::Error::Cancelled { operation: "x".into() }).exit(), Exit::Cancelled);
        let config = "steps".parse::<crate::config::Override>().unwrap_err();
        assert_eq!(AppError::from(config).exit(), Exit::Usage);
        let config = crate::config::parse_json("{", "m.json").unwrap_err();
        assert_eq!(AppError::from(config).exit(), Exit::BadInput);
    }
}
