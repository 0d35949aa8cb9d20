//! Calls of plugin functions: statuses and messages become errors that name the plugin.

use diph_core::{Error, Result};
use diph_plugin_abi::{ErrorBuffer, Status};

use crate::arithmetic;
use crate::trace::enter;

const CAPACITY: usize = 2048;

/// Calls a function that can fail. `label` names the plugin, `operation` the function.
pub(crate) fn call(label: &str, operation: &str, function: impl FnOnce(*mut ErrorBuffer) -> Status) -> Result<()> {
    match answer(label, operation, function) {
        (Status::OK, _) => check_arithmetic(label, operation),
        (status, message) => Err(failure(label, operation, status, &message)),
    }
}

/// As [`call`], but `false` when the instance has no such thing.
pub(crate) fn call_optional(
    label: &str,
    operation: &str,
    function: impl FnOnce(*mut ErrorBuffer) -> Status,
) -> Result<bool> {
    match answer(label, operation, function) {
        (Status::OK, _) => check_arithmetic(label, operation).map(|()| true),
        (Status::UNSUPPORTED, _) => Ok(false),
        (status, message) => Err(failure(label, operation, status, &message)),
    }
}

/// Runs a function of a plugin, and says so while it runs.
fn answer(label: &str, operation: &str, function: impl FnOnce(*mut ErrorBuffer) -> Status) -> (Status, String) {
    let _running = enter(label, operation);
    run(function)
}

fn check_arithmetic(label: &str, operation: &str) -> Result<()> {
    if arithmetic::is_intact() {
        return Ok(());
    }
    let message = "it left the processor in another mode of rounding (or flushing denormal numbers to zero), which would \
                   change the results of everybody; it must restore the mode before it returns";
    Err(Error::external(label, format!("{operation}: {message}")))
}

/// Runs a function with a message buffer.
pub(crate) fn run(function: impl FnOnce(*mut ErrorBuffer) -> Status) -> (Status, String) {
    let mut bytes = vec![0u8; CAPACITY];
    let mut buffer = ErrorBuffer { message: bytes.as_mut_ptr(), capacity: CAPACITY as u64, ..ErrorBuffer::default() };
    let status = function(&raw mut buffer);
    let written = usize::try_from(buffer.written).unwrap_or(usize::MAX).min(CAPACITY);
    (status, String::from_utf8_lossy(&bytes[..written]).trim_end_matches('\0').to_owned())
}

fn failure(label: &str, operation: &str, status: Status, message: &str) -> Error {
    if status == Status::CANCELLED {
        return Error::Cancelled { operation: format!("{label}: {operation}") };
    }
    let message = if message.is_empty() { format!("status {}, without a message", status.0) } else { message.into() };
    Error::external(label, format!("{operation}: {message}"))
}

/// A null where the header wants a function or a struct.
pub(crate) fn null(label: &str, part: &str) -> Error {
    Error::external(label, format!("expected `{part}`, got null"))
}
