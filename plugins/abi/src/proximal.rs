//! Extension of a prior: how exactly it is a proximal map.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, Status};

/// Whether `denoise` is the proximal map of an absolutely homogeneous convex R (`diph_prior_proximal`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Proximal {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Writes the relative accuracy; [`Status::UNSUPPORTED`] when it is no such map. From any thread.
    pub accuracy: Option<unsafe extern "C" fn(this: *mut c_void, value: *mut f32, error: *mut ErrorBuffer) -> Status>,
}

layout!(Proximal, 16, struct_size: 0, accuracy: 8);
sized!(Proximal);
