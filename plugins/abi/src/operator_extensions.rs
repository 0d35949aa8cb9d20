//! Extensions of an operator: its weights, its regularised inverse, its preconditioner.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, Status, Tensor};

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
    /// Writes the symbol C of a circulant M, f32 of the axes (coefficient, coefficient, [z,] y, x);
    /// [`Status::UNSUPPORTED`] when M is of another sort. May be null. From any thread.
    pub symbol: Option<unsafe extern "C" fn(this: *mut c_void, symbol: *mut Tensor, error: *mut ErrorBuffer) -> Status>,
}

layout!(DataWeights, 16, struct_size: 0, get: 8);
layout!(RegularisedInverse, 24, struct_size: 0, available: 8, solve: 16);
layout!(Preconditioner, 32, struct_size: 0, available: 8, apply: 16, symbol: 24);
sized!(DataWeights, RegularisedInverse, Preconditioner);
