//! Physics projectors: the table of functions, and the quantities that they find.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, Status, Str, Tensor};

/// A projection, place by place, on a set that is closed under complex scaling (`diph_projector_vtable`). All functions but
/// `destroy` may be called from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProjectorVtable {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Destroys the instance, as in [`InstanceVtable`](crate::InstanceVtable).
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// Gives an extension by its ID, as in [`InstanceVtable`](crate::InstanceVtable).
    pub get_extension: Option<unsafe extern "C" fn(this: *mut c_void, id: Str) -> *const c_void>,
    /// Length of the first axis of what `project` takes.
    pub coefficients: Option<unsafe extern "C" fn(this: *mut c_void) -> u64>,
    /// Number of quantities that `project` finds.
    pub parameter_count: Option<unsafe extern "C" fn(this: *mut c_void) -> u64>,
    /// These quantities; borrowed until `destroy`, never changing.
    pub parameters: Option<unsafe extern "C" fn(this: *mut c_void) -> *const Parameter>,
    /// Writes the nearest allowed vector of every place of x into z, and where `values` (f32: parameter, y, x) and
    /// `amplitude` (c64: y, x) are not null, what it found. Both are null or neither.
    pub project: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            x: *const Tensor,
            z: *mut Tensor,
            values: *mut Tensor,
            amplitude: *mut Tensor,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(
    ProjectorVtable, 56, struct_size: 0, destroy: 8, get_extension: 16, coefficients: 24, parameter_count: 32,
    parameters: 40, project: 48
);
sized!(ProjectorVtable);

/// A quantity with its unit (`diph_parameter`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameter {
    /// Name of the quantity, for example `T1`.
    pub name: Str,
    /// Its unit; empty for a pure number.
    pub unit: Str,
}

layout!(Parameter, 32, name: 0, unit: 16);
