//! Linear operators.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, Space, Status, Str, Tensor};

/// A linear map `A` and its exact adjoint between complex tensors of two spaces (`diph_operator_vtable`).
///
/// Where the array `weights` w was given to `create`, all three maps are those of `diag(w)^(1/2) A`. All functions but
/// `destroy` may be called from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OperatorVtable {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// As in [`InstanceVtable`](crate::InstanceVtable).
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// As in [`InstanceVtable`](crate::InstanceVtable).
    pub get_extension: Option<unsafe extern "C" fn(this: *mut c_void, id: Str) -> *const c_void>,
    /// What `forward` takes; borrowed until `destroy`, never changing.
    pub domain: Option<unsafe extern "C" fn(this: *mut c_void) -> *const Space>,
    /// What `forward` gives; borrowed until `destroy`, never changing.
    pub range: Option<unsafe extern "C" fn(this: *mut c_void) -> *const Space>,
    /// `y = A x`.
    pub forward: Option<
        unsafe extern "C" fn(this: *mut c_void, x: *const Tensor, y: *mut Tensor, error: *mut ErrorBuffer) -> Status,
    >,
    /// `x = A^H y`.
    pub adjoint: Option<
        unsafe extern "C" fn(this: *mut c_void, y: *const Tensor, x: *mut Tensor, error: *mut ErrorBuffer) -> Status,
    >,
    /// `out = A^H A x`; null: the host composes it.
    pub normal: Option<
        unsafe extern "C" fn(this: *mut c_void, x: *const Tensor, out: *mut Tensor, error: *mut ErrorBuffer) -> Status,
    >,
}

layout!(
    OperatorVtable, 64, struct_size: 0, destroy: 8, get_extension: 16, domain: 24, range: 32, forward: 40, adjoint: 48,
    normal: 56
);
sized!(OperatorVtable);
