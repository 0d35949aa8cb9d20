//! Text.

use std::ptr;

use crate::sized_struct::layout;

/// UTF-8 text: pointer and length in bytes (`diph_string`). Frozen: passed by value and in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Str {
    /// First byte; may be null when `length` is 0.
    pub data: *const u8,
    /// Number of bytes.
    pub length: u64,
}

layout!(Str, 16, data: 0, length: 8);

// SAFETY: a shared read-only view; whoever fills it keeps the text alive and unchanged.
unsafe impl Send for Str {}
// SAFETY: as above.
unsafe impl Sync for Str {}

impl Str {
    /// A view of `text`.
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
