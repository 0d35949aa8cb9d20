//! Memory and time that an instance is going to need, asked before it is created.

use std::ffi::c_void;

use crate::sized_struct::{layout, sized};
use crate::{Acquisition, ErrorBuffer, Host, Status, Str};

/// Where a plugin puts the parts of an estimate (`diph_memory_sink`); during the call and on its thread only.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MemorySink {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// First argument of the functions.
    pub context: *mut c_void,
    /// Adds bytes that stay until the instance is destroyed.
    pub kept: Option<unsafe extern "C" fn(context: *mut c_void, name: Str, bytes: u64)>,
    /// Adds bytes that are there for a while, when no other temporary part is.
    pub temporary: Option<unsafe extern "C" fn(context: *mut c_void, name: Str, bytes: u64)>,
}

/// Factory of estimates of memory (`diph_memory_estimate`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct MemoryEstimate {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Says what the instance `id` needs; the arrays of `acquisition` have shapes, but null data. `uses` is a sum of
    /// `USES_*`. [`Status::UNSUPPORTED`] when it is not known. From any thread.
    pub estimate: Option<
        unsafe extern "C" fn(
            id: Str,
            options_json: Str,
            acquisition: *const Acquisition,
            uses: u64,
            sink: *const MemorySink,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

impl MemoryEstimate {
    /// The host calls `normal` of an operator.
    pub const USES_NORMAL: u64 = 1;
}

/// Factory of estimates of time (`diph_time_estimate`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TimeEstimate {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Writes about how many seconds `calls` calls of the instance `id` take on this machine; the arrays of `acquisition` have
    /// shapes, but null data. [`Status::UNSUPPORTED`] when it is not known. From any thread.
    pub estimate: Option<
        unsafe extern "C" fn(
            host: *const Host,
            id: Str,
            options_json: Str,
            acquisition: *const Acquisition,
            calls: u64,
            seconds: *mut f64,
            error: *mut ErrorBuffer,
        ) -> Status,
    >,
}

layout!(MemorySink, 32, struct_size: 0, context: 8, kept: 16, temporary: 24);
layout!(MemoryEstimate, 16, struct_size: 0, estimate: 8);
layout!(TimeEstimate, 16, struct_size: 0, estimate: 8);
sized!(MemorySink, MemoryEstimate, TimeEstimate);
