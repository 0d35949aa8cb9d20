//! From the exported symbol to an instance: entry, factory, descriptors of components, and what every instance has.

use std::ffi::c_void;
use std::ptr;

use crate::sized_struct::{layout, sized};
use crate::{Acquisition, ErrorBuffer, Host, SizedStruct, Status, Str};

/// Major version: a host refuses a plugin with another one.
pub const ABI_MAJOR: u32 = 1;
/// Minor version: a larger one only adds.
pub const ABI_MINOR: u32 = 0;

/// The exported symbol `diph_plugin_entry` (`diph_entry`). The first two fields keep their place in every major version.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// [`ABI_MAJOR`] that the plugin was built with; a host refuses another than its own.
    pub abi_major: u32,
    /// [`ABI_MINOR`] that the plugin was built with.
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

/// Lists and creates components (`diph_factory`). All functions may be called from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Factory {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Gives the number of descriptors.
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

/// A component, readable without creating it (`diph_descriptor`). Static from `init` until the process ends.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Descriptor {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Unique, in dotted lower case: `example.scale`.
    pub id: Str,
    /// Name of the component for people.
    pub name: Str,
    /// Version of the plugin, which is written beside results.
    pub version: Str,
    /// One of the kind IDs.
    pub kind: Str,
    /// What the component does, in one line.
    pub summary: Str,
    /// JSON schema of the options.
    pub options_schema: Str,
    /// JSON from which a checker makes a small instance; the header has its form.
    pub example: Str,
    /// JSON that says what the component needs of the acquisition; the header has its form.
    pub requirements: Str,
}

layout!(
    Descriptor, 136, struct_size: 0, id: 8, name: 24, version: 40, kind: 56, summary: 72, options_schema: 88, example: 104,
    requirements: 120
);
sized!(Descriptor);

impl Default for Descriptor {
    fn default() -> Self {
        let none = Str::default();
        Self {
            struct_size: size_of::<Self>() as u64,
            id: none,
            name: none,
            version: none,
            kind: none,
            summary: none,
            options_schema: none,
            example: none,
            requirements: none,
        }
    }
}

/// An instance (`diph_instance`): static vtable of the descriptor's kind, and a pointer that only the plugin understands.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Table of functions, which starts like an [`InstanceVtable`].
    pub vtable: *const c_void,
    /// First argument of every function of the vtable.
    pub this: *mut c_void,
}

layout!(Instance, 24, struct_size: 0, vtable: 8, this: 16);
sized!(Instance);

impl Default for Instance {
    fn default() -> Self {
        Self { struct_size: size_of::<Self>() as u64, vtable: ptr::null(), this: ptr::null_mut() }
    }
}

/// The common head of every instance vtable (`diph_instance_vtable`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct InstanceVtable {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Frees the instance. Called once, never at the same time as another call on it.
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// Extension by ID, valid until `destroy`; null when it has none. From any thread.
    pub get_extension: Option<unsafe extern "C" fn(this: *mut c_void, id: Str) -> *const c_void>,
}

layout!(InstanceVtable, 24, struct_size: 0, destroy: 8, get_extension: 16);
sized!(InstanceVtable);
