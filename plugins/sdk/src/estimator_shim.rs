//! An [`Estimator`] behind a C vtable.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::{ptr, slice};

use diph_core::Estimator;
use diph_plugin_abi::{self as abi, ErrorBuffer, EstimatorVtable, Instance, NamedTensor, Status, Str, Tensor};
use num_complex::Complex32;

use crate::failure::{Failure, guarded, guarded_or};
use crate::maps::Parameters;
use crate::tensors::{same_shape, text, view, view_mut};

/// An estimator with the names of its inputs and its parameters in the form that the host reads.
pub(crate) struct EstimatorShim<T> {
    estimator: T,
    raw_inputs: Box<[Str]>,
    _inputs: Box<[String]>,
    parameters: Parameters,
}

impl<T: Estimator + 'static> EstimatorShim<T> {
    const VTABLE: EstimatorVtable = EstimatorVtable {
        struct_size: size_of::<EstimatorVtable>() as u64,
        destroy: Some(Self::destroy),
        get_extension: Some(Self::get_extension),
        input_count: Some(Self::input_count),
        inputs: Some(Self::inputs),
        parameter_count: Some(Self::parameter_count),
        parameters: Some(Self::parameters),
        estimate: Some(Self::estimate),
    };

    pub(crate) fn instance(estimator: T) -> Instance {
        let inputs: Box<[String]> = estimator.inputs().into();
        let raw_inputs = inputs.iter().map(|name| Str::new(name)).collect();
        let parameters = Parameters::new(estimator.parameters());
        let shim = Self { estimator, raw_inputs, _inputs: inputs, parameters };
        Instance {
            vtable: ptr::from_ref(&Self::VTABLE).cast(),
            this: Box::into_raw(Box::new(shim)).cast(),
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

    unsafe extern "C" fn input_count(this: *mut c_void) -> u64 {
        // SAFETY: the host passes what `instance` gave.
        unsafe { Self::shim(this) }.raw_inputs.len() as u64
    }

    unsafe extern "C" fn inputs(this: *mut c_void) -> *const Str {
        // SAFETY: the host passes what `instance` gave.
        unsafe { Self::shim(this) }.raw_inputs.as_ptr()
    }

    unsafe extern "C" fn parameter_count(this: *mut c_void) -> u64 {
        // SAFETY: the host passes what `instance` gave.
        unsafe { Self::shim(this) }.parameters.raw().len() as u64
    }

    unsafe extern "C" fn parameters(this: *mut c_void) -> *const abi::Parameter {
        // SAFETY: the host passes what `instance` gave.
        unsafe { Self::shim(this) }.parameters.raw().as_ptr()
    }

    unsafe extern "C" fn estimate(
        this: *mut c_void,
        images: *const NamedTensor,
        count: u64,
        image: *mut Tensor,
        values: *mut Tensor,
        amplitude: *mut Tensor,
        error: *mut ErrorBuffer,
    ) -> Status {
        let estimate = || {
            if images.is_null() || count == 0 {
                return Err(Failure::argument("images: none came"));
            }
            // SAFETY: the host keeps the header's rules for all pointers.
            let (shim, named) = unsafe { (Self::shim(this), slice::from_raw_parts(images, count as usize)) };
            let read = |named: &NamedTensor| {
                // SAFETY: alive for the call.
                unsafe {
                    let name = text("name of an image", named.name)?;
                    Ok((name.to_owned(), view::<Complex32>(name, &raw const named.tensor)?.to_owned()))
                }
            };
            let inputs: BTreeMap<_, _> = named.iter().map(read).collect::<Result<_, Failure>>()?;
            let shape = inputs.values().next().map(|image| image.shape().to_vec()).unwrap_or_default();
            inputs.iter().try_for_each(|(name, image)| same_shape(name, &shape, image.shape()))?;
            // SAFETY: as above.
            let image = if image.is_null() { None } else { Some(unsafe { view_mut("image", image) }?) };
            if let Some(image) = &image {
                same_shape("image", &shape, image.shape())?;
            }
            if !amplitude.is_null() {
                // SAFETY: as above.
                let amplitude = unsafe { view::<Complex32>("amplitude", amplitude) }?;
                same_shape("amplitude", shape.get(1..).unwrap_or_default(), amplitude.shape())?;
            }
            // SAFETY: as above.
            unsafe {
                shim.parameters.write_maps(values, amplitude, |maps| shim.estimator.estimate(&inputs, image, maps))
            }
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, estimate) }
    }
}
