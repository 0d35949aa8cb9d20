//! A [`PhysicsProjector`] behind a C vtable.

use std::ffi::c_void;
use std::ptr;

use diph_core::{ImageShape, Parameter, ParameterMaps, PhysicsProjector};
use diph_plugin_abi::{self as abi, ErrorBuffer, Instance, ProjectorVtable, Status, Str, Tensor};
use ndarray::ArrayViewMutD;
use num_complex::Complex32;

use crate::failure::{Failure, guarded, guarded_or};
use crate::tensors::{view, view_mut};

/// A projector with its parameters in the form that the host reads.
pub(crate) struct ProjectorShim<T> {
    projector: T,
    raw: Box<[abi::Parameter]>,
    parameters: Box<[Parameter]>,
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
        let parameters: Box<[Parameter]> = projector.parameters().into();
        let raw =
            parameters.iter().map(|p| abi::Parameter { name: Str::new(&p.name), unit: Str::new(&p.unit) }).collect();
        Instance {
            vtable: ptr::from_ref(&Self::VTABLE).cast(),
            this: Box::into_raw(Box::new(Self { projector, raw, parameters })).cast(),
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
        unsafe { Self::shim(this) }.raw.len() as u64
    }

    unsafe extern "C" fn parameters(this: *mut c_void) -> *const abi::Parameter {
        // SAFETY: the host passes what `instance` gave.
        unsafe { Self::shim(this) }.raw.as_ptr()
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
            if values.is_null() && amplitude.is_null() {
                return Ok(shim.projector.project(x, z, None)?);
            }
            // SAFETY: as above.
            let (values, amplitude) = unsafe { (view_mut("values", values)?, view_mut("amplitude", amplitude)?) };
            shim.project_with_maps(x, z, values, amplitude)
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, project) }
    }

    fn project_with_maps(
        &self,
        x: diph_core::View<'_>,
        z: diph_core::ViewMut<'_>,
        mut values: ArrayViewMutD<'_, f32>,
        mut amplitude: ArrayViewMutD<'_, Complex32>,
    ) -> Result<(), Failure> {
        let Ok(image) = ImageShape::try_from(amplitude.shape()) else {
            return Err(Failure::shape(format!("amplitude: expected 2 or 3 axes, got {:?}", amplitude.shape())));
        };
        let expected = image.with_leading(self.parameters.len());
        if values.shape() != expected {
            return Err(Failure::shape(format!("values: expected {expected:?}, got {:?}", values.shape())));
        }
        let mut maps = ParameterMaps::zeros(self.parameters.to_vec(), &image);
        self.projector.project(x, z, Some(&mut maps))?;
        if maps.values.shape() != values.shape() || maps.amplitude.shape() != amplitude.shape() {
            return Err(Failure::shape("the projector changed the shape of its maps"));
        }
        values.assign(&maps.values);
        amplitude.assign(&maps.amplitude);
        Ok(())
    }
}
