//! Descriptors and creation.

use crate::sized_struct::{layout, sized};
use crate::{Acquisition, Descriptor, ErrorBuffer, Host, Instance, Status, Str};

/// Lists and creates components (`diph_factory`). All functions may be called from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Factory {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Number of descriptors.
    pub count: Option<unsafe extern "C" fn() -> u64>,
    /// Descriptor number `index`, null when there is none.
    pub descriptor: Option<unsafe extern "C" fn(index: u64) -> *const Descriptor>,
    /// Creates the instance `id` from a JSON object and a borrowed acquisition into `instance`.
    pub create: Option<
        unsafe extern "C" fn(
            host: *const Host,
            id: Str,
            options_json: Str,
            acquisition: *const Acquisition,
            instance: *mut Instance,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(Factory, 32, struct_size: 0, count: 8, descriptor: 16, create: 24);
sized!(Factory);
