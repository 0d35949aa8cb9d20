//! What every call carries: texts, a status, and a buffer for a message.

use std::ptr;

use crate::sized_struct::{layout, sized};

/// What a function that can fail returns: a code, `Status::OK` or one of the others.
///
/// A plain integer, because the other side may know codes that this one does not; those are failures.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    /// The call did what it was asked for.
    pub const OK: Self = Self(0);
    /// Failure of any other sort.
    pub const ERROR: Self = Self(1);
    /// A null pointer, an option or an array that does not do.
    pub const ARGUMENT: Self = Self(2);
    /// A tensor of another shape or dtype than expected.
    pub const SHAPE: Self = Self(3);
    /// A NaN or an infinity in an input.
    pub const NOT_FINITE: Self = Self(4);
    /// The host asked to stop.
    pub const CANCELLED: Self = Self(5);
    /// A bug in the plugin, caught at the border.
    pub const PANIC: Self = Self(6);
    /// This instance has no such thing; not a failure where a function says so.
    pub const UNSUPPORTED: Self = Self(7);
}

/// UTF-8 text: pointer and length in bytes (`diph_string`). Frozen: passed by value and in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// First byte; may be null when `length` is 0.
    pub data: *const u8,
    /// Length of the text in bytes.
    pub length: u64,
}

layout!(Str, 16, data: 0, length: 8);

// SAFETY: a shared read-only view; whoever fills it keeps the text alive and unchanged.
unsafe impl Send for Str {}
// SAFETY: as above.
unsafe impl Sync for Str {}

impl Str {
    /// A text that points into `text` and lives as long.
    pub const fn new(text: &str) -> Self {
        Self { data: text.as_ptr(), length: text.len() as u64 }
    }

    /// The text, or `None` where it is a null pointer with a length, or not UTF-8.
    ///
    /// # Safety
    /// `data`, unless null, points to `length` bytes that stay alive and unchanged for `'a`.
    pub unsafe fn as_str<'a>(self) -> Option<&'a str> {
        if self.length == 0 {
            return Some("");
        }
        let length = usize::try_from(self.length).ok().filter(|length| isize::try_from(*length).is_ok())?;
        if self.data.is_null() {
            return None;
        }
        // SAFETY: not null, and the caller vouches for length and lifetime.
        std::str::from_utf8(unsafe { std::slice::from_raw_parts(self.data, length) }).ok()
    }
}

impl Default for Str {
    fn default() -> Self {
        Self { data: ptr::null(), length: 0 }
    }
}

/// Message buffer of the host (`diph_error`): the plugin writes at most `capacity` bytes and sets `written`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ErrorBuffer {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Room for the message, UTF-8.
    pub message: *mut u8,
    /// Room for the message, in bytes.
    pub capacity: u64,
    /// How many bytes the plugin wrote.
    pub written: u64,
}

layout!(ErrorBuffer, 32, struct_size: 0, message: 8, capacity: 16, written: 24);
sized!(ErrorBuffer);

impl Default for ErrorBuffer {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>() as u64, message: ptr::null_mut(), capacity: 0, written: 0 }
    }
}
