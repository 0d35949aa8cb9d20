//! A [`PhysicsProjector`] behind a C vtable.

use std::ffi::c_void;
use std::ptr;

use diph_core::PhysicsProjector;
use diph_plugin_abi::{self as abi, ErrorBuffer, Instance, ProjectorVtable, Status, Str, Tensor};
use num_complex::Complex32;

use crate::failure::{Failure, guarded, guarded_or};
use crate::maps::Parameters;
use crate::tensors::{same_shape, view, view_mut};

/// A projector with its parameters in the form that the host reads.
pub(crate) struct ProjectorShim<T> {
    projector: T,
    parameters: Parameters,
}

impl<T: PhysicsProjector + 'static> ProjectorShim<T> {
    const VTABLE: ProjectorVtable = ProjectorVtable {
        struct_size: size_of::<ProjectorVtable>() as u64,
        destroy: Some(Self::destroy),
        get_extension: Some(Self::get_extension),
        coefficients: Some(Self::coefficients),
        parameter_count: Some(Self::parameter_count),
        parameters: Some(Self::parameters),
        project: Some(Self::project),
    };

    pub(crate) fn instance(projector: T) -> Instance {
        let parameters = Parameters::new(projector.parameters());
        Instance {
            vtable: ptr::from_ref(&Self::VTABLE).cast(),
            this: Box::into_raw(Box::new(Self { projector, parameters })).cast(),
            ..Instance::default()
        }
    }

    /// # Safety
    /// `this` came out of [`instance`](Self::instance) and is not destroyed.
    unsafe fn shim<'a>(this: *mut c_void) -> &'a Self {
        // SAFETY: by the caller's promise.
        unsafe { &*this.cast::<Self>() }
    }

    unsafe extern "C" fn destroy(this: *mut c_void) {
        // SAFETY: the host calls it once, with what `instance` gave.
        guarded_or((), || drop(unsafe { Box::from_raw(this.cast::<Self>()) }));
    }

    unsafe extern "C" fn get_extension(_this: *mut c_void, _id: Str) -> *const c_void {
        ptr::null()
    }

    unsafe extern "C" fn coefficients(this: *mut c_void) -> u64 {
        // SAFETY: the host passes what `instance` gave.
        guarded_or(0, || unsafe { Self::shim(this) }.projector.coefficients() as u64)
    }

    unsafe extern "C" fn parameter_count(this: *mut c_void) -> u64 {
        // SAFETY: the host passes what `instance` gave.
        unsafe { Self::shim(this) }.parameters.raw().len() as u64
    }

    unsafe extern "C" fn parameters(this: *mut c_void) -> *const abi::Parameter {
        // SAFETY: the host passes what `instance` gave.
        unsafe { Self::shim(this) }.parameters.raw().as_ptr()
    }

    unsafe extern "C" fn project(
        this: *mut c_void,
        x: *const Tensor,
        z: *mut Tensor,
        values: *mut Tensor,
        amplitude: *mut Tensor,
        error: *mut ErrorBuffer,
    ) -> Status {
        let project = || {
            // SAFETY: the host keeps the header's rules for all pointers.
            let (shim, x, z) = unsafe { (Self::shim(this), view("x", x)?, view_mut("z", z)?) };
            let coefficients = shim.projector.coefficients();
            if x.shape().first() != Some(&coefficients) {
                return Err(Failure::shape(format!(
                    "x: expected {coefficients} coefficients, got shape {:?}",
                    x.shape()
                )));
            }
            same_shape("z", x.shape(), z.shape())?;
            if !amplitude.is_null() {
                // SAFETY: as above.
                let amplitude = unsafe { view::<Complex32>("amplitude", amplitude) }?;
                same_shape("amplitude", &x.shape()[1..], amplitude.shape())?;
            }
            // SAFETY: as above.
            unsafe { shim.parameters.write_maps(values, amplitude, |maps| shim.projector.project(x, z, maps)) }
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, project) }
    }
}
