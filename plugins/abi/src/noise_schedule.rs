//! Extension of a prior: its noise schedule.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{ErrorBuffer, Status};

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
