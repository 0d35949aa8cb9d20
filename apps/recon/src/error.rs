//! Why work ended early, and whose input is to blame.

use std::error::Error;
use std::path::{Path, PathBuf};

use diph_core::{ByteSize, MemoryEstimate};

use crate::SomeSlices;
use crate::config::ConfigError;

/// Why a piece of work ended early, and which setting or file is to blame.
///
/// `Display` gives one line with the whole chain of causes. Programs that give the settings other names, such as flags, match on
/// the variants and say it in their own words.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconError {
    /// A setting makes no sense.
    #[error("{}", named(setting, source.as_ref()))]
    Setting {
        /// The setting by its dotted key, for example `data.vols`, or by the name of the field that holds it.
        setting: String,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file cannot be used.
    #[error("{}", named(&file.display().to_string(), source.as_ref()))]
    File {
        /// The file, as the caller named it.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A slice was not measured, and nobody has asked for k-space to be simulated.
    #[error("{}: no such file: k-space was not measured, or lies elsewhere", file.display())]
    NoKspace {
        /// Where the k-space should be.
        file: PathBuf,
    },
    /// A configuration makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The work cannot fit into memory.
    #[error(transparent)]
    Memory(#[from] NotEnoughMemory),
    /// A step of the work failed, and no input is known to be the reason.
    #[error("{}", named(step, source.as_ref()))]
    Failed {
        /// The step, for example `reconstructing vol 0 slice 5`.
        step: String,
        /// What failed.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Some slices failed, and the others were worked on all the same.
    #[error(transparent)]
    SomeSlices(#[from] SomeSlices),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl ReconError {
    /// A setting that makes no sense.
    pub fn setting(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Setting { setting: setting.into(), source: message.into().into() }
    }

    /// A file that cannot be used.
    pub fn input(file: &Path, message: impl Into<String>) -> Self {
        Self::File { file: file.to_owned(), source: message.into().into() }
    }
}

/// Work that cannot fit into memory: what it would need, what there is, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{work} would need about {estimate}, and {available} are available; {advice}")]
pub struct NotEnoughMemory {
    /// The work that needs more memory than there is, in words.
    pub work: String,
    /// What it would need, in parts.
    pub estimate: MemoryEstimate,
    /// Memory that the plan may take.
    pub available: ByteSize,
    /// What the user can change so that it needs less.
    pub advice: String,
}

/// Computations that nobody put a name to.
impl From<diph_core::Error> for ReconError {
    fn from(error: diph_core::Error) -> Self {
        match error {
            diph_core::Error::Cancelled { .. } => Self::Cancelled,
            other => Self::Failed { step: String::new(), source: other.into() },
        }
    }
}

/// Adds to an error what the user can do something about.
///
/// A cancelled computation becomes [`ReconError::Cancelled`], and a [`ReconError`] keeps the culprit that it already has.
///
/// ```
/// use diph_recon::{Blame, ReconError};
/// fn slices(text: &str) -> Result<usize, ReconError> {
///     text.parse::<usize>().setting("slices")
/// }
/// assert_eq!(slices("x").unwrap_err().to_string(), "slices: invalid digit found in string");
/// ```
pub trait Blame<T> {
    /// Blames the setting of that name or dotted key.
    ///
    /// # Errors
    /// [`ReconError::Setting`].
    fn setting(self, setting: &str) -> Result<T, ReconError>;

    /// Blames the file.
    ///
    /// # Errors
    /// [`ReconError::File`].
    fn file(self, file: &Path) -> Result<T, ReconError>;

    /// Blames nobody's input, but says which step failed.
    ///
    /// # Errors
    /// [`ReconError::Failed`].
    fn step(self, step: &str) -> Result<T, ReconError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Blame<T> for Result<T, E> {
    fn setting(self, setting: &str) -> Result<T, ReconError> {
        self.map_err(|error| blame(error.into(), |source| ReconError::Setting { setting: setting.into(), source }))
    }

    fn file(self, file: &Path) -> Result<T, ReconError> {
        self.map_err(|error| blame(error.into(), |source| ReconError::File { file: file.to_owned(), source }))
    }

    fn step(self, step: &str) -> Result<T, ReconError> {
        self.map_err(|error| blame(error.into(), |source| ReconError::Failed { step: step.into(), source }))
    }
}

fn blame(
    error: Box<dyn Error + Send + Sync>,
    wrap: impl FnOnce(Box<dyn Error + Send + Sync>) -> ReconError,
) -> ReconError {
    if is_cancelled(error.as_ref()) {
        return ReconError::Cancelled;
    }
    match error.downcast::<ReconError>() {
        Ok(blamed) => *blamed,
        Err(error) => wrap(error),
    }
}

/// Cancelling surfaces through whatever wraps the computation.
fn is_cancelled(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(diph_core::Error::Cancelled { .. })) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A name in front of an error and all its causes, in one line. The name is left out where the chain begins with it, and causes
/// that an error already quotes are not repeated.
pub fn named(name: &str, error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !line.contains(&words) {
            line = format!("{line}: {words}");
        }
        cause = error.source();
    }
    if name.is_empty() || line.starts_with(name) { line } else { format!("{name}: {line}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_line_names_the_culprit_and_every_cause() {
        let error = Err::<(), _>(Outer(std::io::Error::other("disk full"))).file(Path::new("a.npz")).unwrap_err();
        assert_eq!(error.to_string(), "a.npz: outer: disk full");
        assert_eq!(ReconError::setting("cut", "expected 0..4, got 9").to_string(), "cut: expected 0..4, got 9");
        assert_eq!(ReconError::input(Path::new("a.npz"), "a.npz: truncated").to_string(), "a.npz: truncated");
        let failed = ReconError::from(diph_core::Error::external("nufft", "no memory"));
        assert_eq!(failed.to_string(), "nufft: no memory");
    }

    #[test]
    fn the_first_culprit_stays() {
        let error = Err::<(), _>("truncated").file(Path::new("ksp.npz")).step("reading").unwrap_err();
        assert_eq!(error.to_string(), "ksp.npz: truncated");
        assert!(matches!(error, ReconError::File { .. }));
        let error = Err::<(), _>("no memory").step("matching").unwrap_err();
        assert_eq!(error.to_string(), "matching: no memory");
        assert!(matches!(error, ReconError::Failed { .. }));
    }

    #[test]
    fn cancelled_stays_cancelled() {
        let cancelled = || diph_core::Error::Cancelled { operation: "lrtv".into() };
        assert!(matches!(Err::<(), _>(cancelled()).file(Path::new("a")), Err(ReconError::Cancelled)));
        assert!(matches!(ReconError::from(cancelled()), ReconError::Cancelled));
    }
}
