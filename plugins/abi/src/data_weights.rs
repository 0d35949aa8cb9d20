//! Extension of an operator: the weights that it carries.

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

layout!(DataWeights, 16, struct_size: 0, get: 8);
sized!(DataWeights);
