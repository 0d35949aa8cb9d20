//! The host, as a plugin sees it.

use std::ffi::c_void;
use std::ptr;

use crate::Str;
use crate::sized_struct::{layout, sized};

/// The host (`diph_host`). Valid from `create` until `destroy` of the instance has returned.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Name of the host program.
    pub name: Str,
    /// Its version.
    pub version: Str,
    /// The host's own.
    pub context: *mut c_void,
    /// Extension by ID, valid as long as the host; null when it has none. From any thread.
    pub get_extension: Option<unsafe extern "C" fn(host: *const Host, id: Str) -> *const c_void>,
}

layout!(Host, 56, struct_size: 0, name: 8, version: 24, context: 40, get_extension: 48);
sized!(Host);

impl Default for Host {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>() as u64,
            name: Str::default(),
            version: Str::default(),
            context: ptr::null_mut(),
            get_extension: None,
        }
    }
}
