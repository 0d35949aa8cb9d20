//! Denoisers and proximal maps.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, PriorContext, Status, Str, Tensor};

/// A denoiser or proximal map with one scalar (`diph_prior_vtable`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PriorVtable {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// As in [`InstanceVtable`](crate::InstanceVtable).
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// As in [`InstanceVtable`](crate::InstanceVtable).
    pub get_extension: Option<unsafe extern "C" fn(this: *mut c_void, id: Str) -> *const c_void>,
    /// Writes the denoised image into `clean`, of the shape of `noisy` (c64), where `noisy = clean + sigma n` with n of unit
    /// variance in real and imaginary part each; and `R(clean)` of a proximal map of R into `penalty`, NaN where there is
    /// no R. `penalty` may be null. From any thread.
    pub denoise: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            noisy: *const Tensor,
            sigma: f32,
            clean: *mut Tensor,
            penalty: *mut f64,
            context: *const PriorContext,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(PriorVtable, 32, struct_size: 0, destroy: 8, get_extension: 16, denoise: 24);
sized!(PriorVtable);

/// Extension of a prior: several images at once (`diph_prior_batch`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Denoises `count` images of one shape, each as `denoise` would with its own context. `noisy` and `clean` point to
    /// `count` tensors, `contexts` to `count` pointers. From any thread.
    pub denoise: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            noisy: *const Tensor,
            sigma: f32,
            clean: *mut Tensor,
            contexts: *const *const PriorContext,
            count: u64,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(Batch, 16, struct_size: 0, denoise: 8);
sized!(Batch);

/// Extension of a prior that is a stationary normal distribution (`diph_prior_gaussian`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Gaussian {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Writes the square roots (coefficient, coefficient, [z,] y, x) of f32 of its covariance at every frequency, and the ratio
    /// of norms of measurements of true images and of stationary ones; [`Status::UNSUPPORTED`] when it is no such prior.
    /// From any thread.
    pub root: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            matrices: *mut Tensor,
            energy_ratio: *mut f32,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(Gaussian, 16, struct_size: 0, root: 8);
sized!(Gaussian);
