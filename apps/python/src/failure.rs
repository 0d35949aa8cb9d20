//! Errors of the libraries as Python exceptions with the same text.

use diph_core::Error as CoreError;
use diph_formats::Error as FileError;
use diph_recon::ReconError;
use diph_recon::config::ConfigError;
use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyFileNotFoundError, PyKeyboardInterrupt, PyMemoryError, PyValueError};
use pyo3::prelude::*;

create_exception!(diph, Error, PyException, "Something failed that is nobody's input: a part or a plugin.");

/// A result whose error becomes a Python exception.
pub trait OrRaise<T> {
    /// The value, or the exception.
    fn or_raise(self) -> PyResult<T>;
}

impl<T> OrRaise<T> for diph_core::Result<T> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(|error| exception(&error))
    }
}

impl<T> OrRaise<T> for Result<T, ReconError> {
    fn or_raise(self) -> PyResult<T> {
        self.map_err(|error| {
            let text = error.to_string();
            match &error {
                ReconError::Cancelled => PyKeyboardInterrupt::new_err(text),
                ReconError::NoKspace { .. } => PyFileNotFoundError::new_err(text),
                ReconError::Memory(_) => PyMemoryError::new_err(text),
                ReconError::Failed { source, .. } => raise(source.as_ref(), text),
                ReconError::Config(config) if is_absent(config) => PyFileNotFoundError::new_err(text),
                _ if is_absent(&error) => PyFileNotFoundError::new_err(text),
                ReconError::SomeSlices(_) => Error::new_err(text),
                _ => PyValueError::new_err(text),
            }
        })
    }
}

/// The exception of a computation that failed.
fn exception(error: &CoreError) -> PyErr {
    raise(error, error.to_string())
}

fn raise(cause: &(dyn std::error::Error + 'static), text: String) -> PyErr {
    match cause.downcast_ref::<CoreError>() {
        Some(CoreError::Cancelled { .. }) => PyKeyboardInterrupt::new_err(text),
        Some(CoreError::External { .. }) | None => Error::new_err(text),
        Some(_) => PyValueError::new_err(text),
    }
}

/// Whether a file that does not exist is at the bottom of it.
pub fn is_absent(error: &(dyn std::error::Error + 'static)) -> bool {
    let is_not_found = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound;
    let mut cause = Some(error);
    while let Some(error) = cause {
        let is_missing = matches!(error.downcast_ref(), Some(FileError::Missing { .. }));
        let is_unknown =
            matches!(error.downcast_ref(), Some(ConfigError::Unreadable { error, .. }) if is_not_found(error));
        if is_missing || is_unknown || error.downcast_ref().is_some_and(is_not_found) {
            return true;
        }
        cause = error.source();
    }
    false
}
