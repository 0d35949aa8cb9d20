//! Where a function puts its message.

use std::ptr;

use crate::sized_struct::{layout, sized};

/// Message buffer of the host (`diph_error`): the plugin writes at most `capacity` bytes and sets `written`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ErrorBuffer {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Room for the message, UTF-8.
    pub message: *mut u8,
    /// Room in bytes.
    pub capacity: u64,
    /// Bytes written.
    pub written: u64,
}

layout!(ErrorBuffer, 32, struct_size: 0, message: 8, capacity: 16, written: 24);
sized!(ErrorBuffer);

impl Default for ErrorBuffer {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>() as u64, message: ptr::null_mut(), capacity: 0, written: 0 }
    }
}
