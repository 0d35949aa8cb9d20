//! Forward operators: the table of functions and the extensions.

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
    /// Destroys the instance, as in [`InstanceVtable`](crate::InstanceVtable).
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// Gives an extension by its ID, as in [`InstanceVtable`](crate::InstanceVtable).
    pub get_extension: Option<unsafe extern "C" fn(this: *mut c_void, id: Str) -> *const c_void>,
    /// What `forward` takes; borrowed until `destroy`, never changing.
    pub domain: Option<unsafe extern "C" fn(this: *mut c_void) -> *const Space>,
    /// What `forward` gives; borrowed until `destroy`, never changing.
    pub range: Option<unsafe extern "C" fn(this: *mut c_void) -> *const Space>,
    /// Computes `y = A x`.
    pub forward: Option<
        unsafe extern "C" fn(this: *mut c_void, x: *const Tensor, y: *mut Tensor, error: *mut ErrorBuffer) -> Status,
    >,
    /// Computes `x = A^H y`.
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

/// The square roots of an operator's weights (`diph_operator_data_weights`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DataWeights {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Writes sqrt(w), f32 in the shape of the range; [`Status::UNSUPPORTED`] when all weights are one. From any thread.
    pub get:
        Option<unsafe extern "C" fn(this: *mut c_void, square_roots: *mut Tensor, error: *mut ErrorBuffer) -> Status>,
}

/// The exact solution of regularised normal equations (`diph_operator_regularised_inverse`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RegularisedInverse {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// 1 when this instance has the inverse, otherwise 0. From any thread.
    pub available: Option<unsafe extern "C" fn(this: *mut c_void) -> i32>,
    /// Writes `(A^H A + rho I)^-1 b` for rho > 0 into `x`. From any thread.
    pub solve: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            rho: f32,
            b: *const Tensor,
            x: *mut Tensor,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

/// A cheap approximation of the same inverse (`diph_operator_preconditioner`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Preconditioner {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// 1 when this instance has a preconditioner, otherwise 0. From any thread.
    pub available: Option<unsafe extern "C" fn(this: *mut c_void) -> i32>,
    /// Writes `M r`, for a Hermitian positive definite M near `(A^H A + rho I)^-1`, into `z`. From any thread.
    pub apply: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            rho: f32,
            r: *const Tensor,
            z: *mut Tensor,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
    /// Writes the diagonal of `A^H A` in Fourier space, f32 of the axes `(coefficient, coefficient, [z,] y, x)`;
    /// [`Status::UNSUPPORTED`] when it is not known. May be null. From any thread.
    pub symbol: Option<unsafe extern "C" fn(this: *mut c_void, symbol: *mut Tensor, error: *mut ErrorBuffer) -> Status>,
}

layout!(DataWeights, 16, struct_size: 0, get: 8);
layout!(RegularisedInverse, 24, struct_size: 0, available: 8, solve: 16);
layout!(Preconditioner, 32, struct_size: 0, available: 8, apply: 16, symbol: 24);
sized!(DataWeights, RegularisedInverse, Preconditioner);
