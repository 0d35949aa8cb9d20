//! Errors and panics on their way to the host.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diph_core::Error;
use diph_plugin_abi::{ErrorBuffer, Status, copy_sized};

/// What goes back to the host when a call fails.
pub(crate) struct Failure {
    status: Status,
    message: String,
}

impl Failure {
    /// A pointer or struct that breaks the rules of the interface.
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self { status: Status::ARGUMENT, message: message.into() }
    }

    /// A tensor of the wrong form.
    pub(crate) fn shape(message: impl Into<String>) -> Self {
        Self { status: Status::SHAPE, message: message.into() }
    }

    /// This instance has no such thing.
    pub(crate) fn unsupported() -> Self {
        Self { status: Status::UNSUPPORTED, message: String::new() }
    }

    fn panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self { status: Status::PANIC, message: format!("panicked: {}", text.unwrap_or("no message")) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Shape { .. } | Error::NotContiguous { .. } => Status::SHAPE,
            Error::Incompatible { .. } | Error::Parameter { .. } => Status::ARGUMENT,
            Error::NotFinite { .. } => Status::NOT_FINITE,
            Error::Cancelled { .. } => Status::CANCELLED,
            _ => Status::ERROR,
        };
        Self { status, message: error.to_string() }
    }
}

/// Runs `call`; an error or a panic becomes a status with its message in `error`.
///
/// # Safety
/// `error` is null or points to an error buffer as the header describes it.
pub(crate) unsafe fn guarded(error: *mut ErrorBuffer, call: impl FnOnce() -> Result<(), Failure>) -> Status {
    let failure = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return Status::OK,
        Ok(Err(failure)) => failure,
        Err(payload) => Failure::panic(payload.as_ref()),
    };
    // SAFETY: passed on.
    unsafe { write_message(error, &failure.message) };
    failure.status
}

/// Runs `call`; a panic becomes `fallback`. For functions without an error buffer.
pub(crate) fn guarded_or<T>(fallback: T, call: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(fallback)
}

/// # Safety
/// As [`guarded`].
unsafe fn write_message(error: *mut ErrorBuffer, message: &str) {
    // SAFETY: null is checked inside; otherwise a valid buffer by the caller's promise.
    let Ok(buffer) = (unsafe { copy_sized(error) }) else { return };
    if buffer.message.is_null() || buffer.struct_size < size_of::<ErrorBuffer>() as u64 {
        return;
    }
    let room = usize::try_from(buffer.capacity).unwrap_or(usize::MAX);
    let text = &message[..message.floor_char_boundary(room)];
    // SAFETY: the host has room for `capacity >= text.len()` bytes, and its struct reaches to `written`.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.message, text.len());
        (*error).written = text.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_of(call: impl FnOnce() -> Result<(), Failure>) -> (Status, String) {
        let mut bytes = [0u8; 16];
        let mut buffer = ErrorBuffer { message: bytes.as_mut_ptr(), capacity: 16, ..ErrorBuffer::default() };
        // SAFETY: the buffer points to 16 bytes.
        let status = unsafe { guarded(&raw mut buffer, call) };
        (status, String::from_utf8_lossy(&bytes[..buffer.written as usize]).into_owned())
    }

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(message_of(|| panic!("oh")), (Status::PANIC, "panicked: oh".into()));
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let (status, message) = message_of(|| Err(Failure::argument("fifteen bytes: é")));
        assert_eq!((status, message.as_str()), (Status::ARGUMENT, "fifteen bytes: "));
    }
}
