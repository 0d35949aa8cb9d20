//! What `create` gives back.

use std::ffi::c_void;
use std::ptr;

use crate::Str;
use crate::sized_struct::{layout, sized};

/// An instance (`diph_instance`): static vtable of the descriptor's kind, and a pointer that only the plugin understands.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Starts like an [`InstanceVtable`].
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
