//! The host as a plugin sees it, and its services.

use std::ffi::c_void;
use std::ptr;

use crate::Str;
use crate::sized_struct::{layout, sized};

/// The host (`diph_host`). Valid from `create` until `destroy` of the instance has returned.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Name of the host program.
    pub name: Str,
    /// Version of the host program.
    pub version: Str,
    /// Argument of the host's functions; of no meaning to plugins.
    pub context: *mut c_void,
    /// Extension by ID, valid as long as the host; null when it has none. From any thread.
    pub get_extension: Option<unsafe extern "C" fn(host: *const Host, id: Str) -> *const c_void>,
}

layout!(Host, 56, struct_size: 0, name: 8, version: 24, context: 40, get_extension: 48);
sized!(Host);

impl Default for Host {
    fn default() -> Self {
        Self {
            struct_size: size_of::<Self>() as u64,
            name: Str::default(),
            version: Str::default(),
            context: ptr::null_mut(),
            get_extension: None,
        }
    }
}

/// Messages to the user (`diph_host_log`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HostLog {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Reports a message; level 0 debug, 1 info, 2 warning, 3 error.
    pub log: Option<unsafe extern "C" fn(host: *const Host, level: i32, message: Str)>,
}

/// Progress of long work (`diph_host_progress`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HostProgress {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Says that `done` of `total` units of `task` are finished; total 0 means unknown.
    pub progress: Option<unsafe extern "C" fn(host: *const Host, task: Str, done: u64, total: u64)>,
}

/// The user's wish to stop (`diph_host_cancel`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HostCancel {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// 1 when the user asked to stop, otherwise 0.
    pub cancelled: Option<unsafe extern "C" fn(host: *const Host) -> i32>,
}

/// The share of the machine that plugins may use (`diph_host_threads`).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct HostThreads {
    /// Size of this struct in bytes.
    pub struct_size: u64,
    /// Number of threads that a call may use, at least 1.
    pub count: Option<unsafe extern "C" fn(host: *const Host) -> u64>,
}

layout!(HostLog, 16, struct_size: 0, log: 8);
layout!(HostProgress, 16, struct_size: 0, progress: 8);
layout!(HostCancel, 16, struct_size: 0, cancelled: 8);
layout!(HostThreads, 16, struct_size: 0, count: 8);
sized!(HostLog, HostProgress, HostCancel, HostThreads);
