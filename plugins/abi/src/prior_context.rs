//! What a prior may look at beside the noisy tensor.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{NamedTensor, ScheduleEntry};

/// What a prior may look at beside the noisy tensor, borrowed for the call (`diph_prior_context`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PriorContext {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Exact entry in an annealed run, otherwise null.
    pub schedule: *const ScheduleEntry,
    /// Named c64 tensors.
    pub conditions: *const NamedTensor,
    /// Number of conditions.
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
