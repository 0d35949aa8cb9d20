//! Estimators of maps or an image from images.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, NamedTensor, Parameter, Status, Str, Tensor};

/// Makes parameter maps, an image, or both from images (`diph_estimator_vtable`). All functions but `destroy` may be called
/// from any thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct EstimatorVtable {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Destroys the instance, as in [`InstanceVtable`](crate::InstanceVtable).
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// Gives an extension by its ID, as in [`InstanceVtable`](crate::InstanceVtable).
    pub get_extension: Option<unsafe extern "C" fn(this: *mut c_void, id: Str) -> *const c_void>,
    /// Number of images that `estimate` wants, at least 1.
    pub input_count: Option<unsafe extern "C" fn(this: *mut c_void) -> u64>,
    /// Their names; borrowed until `destroy`, never changing.
    pub inputs: Option<unsafe extern "C" fn(this: *mut c_void) -> *const Str>,
    /// Number of quantities that `estimate` finds; 0 for an estimator that gives an image only.
    pub parameter_count: Option<unsafe extern "C" fn(this: *mut c_void) -> u64>,
    /// These quantities; borrowed until `destroy`, never changing.
    pub parameters: Option<unsafe extern "C" fn(this: *mut c_void) -> *const Parameter>,
    /// Writes what is not null of `image`, and `values` with `amplitude`, from `count` images in the order of `inputs`.
    pub estimate: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            images: *const NamedTensor,
            count: u64,
            image: *mut Tensor,
            values: *mut Tensor,
            amplitude: *mut Tensor,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(
    EstimatorVtable, 64, struct_size: 0, destroy: 8, get_extension: 16, input_count: 24, inputs: 32, parameter_count: 40,
    parameters: 48, estimate: 56
);
sized!(EstimatorVtable);
