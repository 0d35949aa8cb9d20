//! The one exported symbol.

use std::ffi::c_void;

use crate::sized_struct::layout;
use crate::{ErrorBuffer, SizedStruct, Status, Str};

/// Major version: a host refuses a plugin with another one.
pub const ABI_MAJOR: u32 = 1;
/// Minor version: a larger one only adds.
pub const ABI_MINOR: u32 = 0;

/// The exported symbol `diph_plugin_entry` (`diph_entry`). The first two fields keep their place in every major version.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// [`ABI_MAJOR`] of the plugin.
    pub abi_major: u32,
    /// [`ABI_MINOR`] of the plugin.
    pub abi_minor: u32,
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Called before anything else with the absolute path of the library, by each host of a process; may be null.
    pub init: Option<unsafe extern "C" fn(path: Str, error: *mut ErrorBuffer) -> Status>,
    /// Called after the last instance is destroyed by a host that shuts down in order; may be null.
    pub deinit: Option<unsafe extern "C" fn()>,
    /// A static struct by its ID; null when unknown. From any thread.
    pub get_factory: Option<unsafe extern "C" fn(id: Str) -> *const c_void>,
}

layout!(Entry, 40, abi_major: 0, abi_minor: 4, struct_size: 8, init: 16, deinit: 24, get_factory: 32);

// SAFETY: `#[repr(C)]` with a `u64` size at offset 8, and only plain data.
unsafe impl SizedStruct for Entry {
    const SIZE_OFFSET: usize = 8;
}
