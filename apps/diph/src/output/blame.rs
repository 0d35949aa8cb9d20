//! Saying which file or flag an error is about.

use std::error::Error;
use std::path::Path;

use super::AppError;

/// Adds to an error what the user can do something about.
///
/// A cancelled computation stays [`AppError::Cancelled`], and an [`AppError`] keeps the culprit that it already has.
///
/// ```
/// use diph::output::{AppError, Blame};
/// fn slices(text: &str) -> Result<usize, AppError> {
///     text.parse::<usize>().flag("--slices")
/// }
/// assert_eq!(slices("x").unwrap_err().to_string(), "--slices: invalid digit found in string");
/// ```
pub trait Blame<T> {
    /// The flag or argument is to blame.
    ///
    /// # Errors
    /// [`AppError::Usage`].
    fn flag(self, flag: &str) -> Result<T, AppError>;

    /// The file is to blame.
    ///
    /// # Errors
    /// [`AppError::Input`].
    fn file(self, file: &Path) -> Result<T, AppError>;

    /// Nobody's input is to blame, but this step failed.
    ///
    /// # Errors
    /// [`AppError::Failed`].
    fn step(self, step: &str) -> Result<T, AppError>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Blame<T> for Result<T, E> {
    fn flag(self, flag: &str) -> Result<T, AppError> {
        self.map_err(|error| blame(error.into(), |source| AppError::Usage { flag: flag.into(), source }))
    }

    fn file(self, file: &Path) -> Result<T, AppError> {
        let file = || file.display().to_string();
        self.map_err(|error| blame(error.into(), |source| AppError::Input { file: file(), source }))
    }

    fn step(self, step: &str) -> Result<T, AppError> {
        self.map_err(|error| blame(error.into(), |source| AppError::Failed { step: step.into(), source }))
    }
}

fn blame(error: Box<dyn Error + Send + Sync>, wrap: impl FnOnce(Box<dyn Error + Send + Sync>) -> AppError) -> AppError {
    if is_cancelled(error.as_ref()) {
        return AppError::Cancelled;
    }
    match error.downcast::<AppError>() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Exit;

    #[test]
    fn the_first_culprit_stays() {
        let error = Err::<(), _>("truncated").file(Path::new("ksp.npz")).step("reading").unwrap_err();
        assert_eq!((error.to_string(), error.exit()), ("ksp.npz: truncated".into(), Exit::BadInput));
        let error = Err::<(), _>("no memory").step("matching").unwrap_err();
        assert_eq!((error.to_string(), error.exit()), ("matching: no memory".into(), Exit::Failure));
    }

    #[test]
    fn cancelled_stays_cancelled() {
        let cancelled = diph_core::Error::Cancelled { operation: "lrtv".into() };
        assert_eq!(Err::<(), _>(cancelled).file(Path::new("a")).unwrap_err().exit(), Exit::Cancelled);
    }
}
