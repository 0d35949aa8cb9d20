//! Extension of a prior: its penalty.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, Status, Tensor};

/// R(x) of a prior that is a proximal map (`diph_prior_penalty`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Penalty {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Writes R(x); [`Status::UNSUPPORTED`] when there is no R. From any thread.
    pub penalty: Option<
        unsafe extern "C" fn(this: *mut c_void, x: *const Tensor, value: *mut f64, error: *mut ErrorBuffer) -> Status,
    >,
}

layout!(Penalty, 16, struct_size: 0, penalty: 8);
sized!(Penalty);
