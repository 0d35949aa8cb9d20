//! Priors: the table of functions, the context of a call, and the extensions.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, NamedTensor, Status, Str, Tensor};

/// A denoiser or proximal map with one scalar (`diph_prior_vtable`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PriorVtable {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Destroys the instance, as in [`InstanceVtable`](crate::InstanceVtable).
    pub destroy: Option<unsafe extern "C" fn(this: *mut c_void)>,
    /// Gives an extension by its ID, as in [`InstanceVtable`](crate::InstanceVtable).
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
    /// Writes the square roots `(coefficient, coefficient, [z,] y, x)` of f32 of its covariance at every frequency, and the ratio
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

/// What a prior may look at beside the noisy tensor, borrowed for the call (`diph_prior_context`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PriorContext {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Exact entry in an annealed run, otherwise null.
    pub schedule: *const ScheduleEntry,
    /// Condition images: named tensors of complex numbers.
    pub conditions: *const NamedTensor,
    /// How many entries `conditions` has.
    pub condition_count: u64,
    /// Argument of the two functions below, the only source of randomness.
    pub random: *mut c_void,
    /// Fills `out` with `n` standard normal numbers. Only during the call and on its thread.
    pub random_normal: Option<unsafe extern "C" fn(random: *mut c_void, out: *mut f32, n: u64)>,
    /// Fills `out` with `n` uniform words. Only during the call and on its thread.
    pub random_bits: Option<unsafe extern "C" fn(random: *mut c_void, out: *mut u64, n: u64)>,
}

layout!(
    PriorContext, 56, struct_size: 0, schedule: 8, conditions: 16, condition_count: 24, random: 32, random_normal: 40,
    random_bits: 48
);
sized!(PriorContext);

/// One level of a noise schedule (`diph_schedule_entry`). Frozen: passed in arrays.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ScheduleEntry {
    /// In the respaced schedule; 0 is the least noisy.
    pub index: u64,
    /// Of the schedule that the prior was made with.
    pub timestep: u64,
    /// Share of the signal's variance that is left, in (0, 1].
    pub abar: f64,
}

layout!(ScheduleEntry, 24, index: 0, timestep: 8, abar: 16);

/// The noise levels that a prior is to be annealed with (`diph_prior_noise_schedule`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NoiseSchedule {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Writes the schedule respaced to `steps` entries, least noisy first, into `entries` (room for `steps`) and their
    /// number into `written`; [`Status::UNSUPPORTED`] when there is none. From any thread.
    pub schedule: Option<
        unsafe extern "C" fn(
            this: *mut c_void,
            steps: u64,
            entries: *mut ScheduleEntry,
            written: *mut u64,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(NoiseSchedule, 16, struct_size: 0, schedule: 8);
sized!(NoiseSchedule);

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
