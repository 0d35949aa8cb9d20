//! The host as a component sees it: messages, progress, cancelling, threads.

use std::ffi::c_void;
use std::num::NonZero;

use diph_plugin_abi::{self as abi, SizedStruct, Str, copy_sized};

/// The host's services. What it does not offer does nothing or gives a sensible default.
///
/// Valid as long as the instance that was created with it: keep it inside of the instance, nowhere else.
#[derive(Clone, Copy)]
pub struct Host {
    raw: *const abi::Host,
    log: Option<unsafe extern "C" fn(*const abi::Host, i32, Str)>,
    progress: Option<unsafe extern "C" fn(*const abi::Host, Str, u64, u64)>,
    cancelled: Option<unsafe extern "C" fn(*const abi::Host) -> i32>,
    threads: Option<unsafe extern "C" fn(*const abi::Host) -> u64>,
}

// SAFETY: the header promises that every service may be called from any thread.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Host {
    /// # Safety
    /// `raw` is null or points to a host as the header describes it, alive as long as the result is used.
    pub(crate) unsafe fn new(raw: *const abi::Host) -> Self {
        // SAFETY: by the caller's promise.
        unsafe {
            Self {
                raw,
                log: extension::<abi::HostLog>(raw, abi::HOST_LOG).and_then(|e| e.log),
                progress: extension::<abi::HostProgress>(raw, abi::HOST_PROGRESS).and_then(|e| e.progress),
                cancelled: extension::<abi::HostCancel>(raw, abi::HOST_CANCEL).and_then(|e| e.cancelled),
                threads: extension::<abi::HostThreads>(raw, abi::HOST_THREADS).and_then(|e| e.count),
            }
        }
    }

    /// Reports a message to the user.
    pub fn log(&self, level: LogLevel, message: &str) {
        if let Some(log) = self.log {
            // SAFETY: the host is alive, the text is for the call.
            unsafe { log(self.raw, level as i32, Str::new(message)) }
        }
    }

    /// Says that `done` of `total` units of `task` are finished (total 0: unknown).
    pub fn progress(&self, task: &str, done: u64, total: u64) {
        if let Some(progress) = self.progress {
            // SAFETY: the host is alive, the text is for the call.
            unsafe { progress(self.raw, Str::new(task), done, total) }
        }
    }

    /// Whether the user asked to stop; answer with `Error::Cancelled` soon.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: the host is alive.
        self.cancelled.is_some_and(|cancelled| unsafe { cancelled(self.raw) } != 0)
    }

    /// Number of threads that a call may use: the host's word, otherwise the machine's parallelism.
    pub fn threads(&self) -> usize {
        // SAFETY: the host is alive.
        let stated = self.threads.map(|threads| unsafe { threads(self.raw) });
        let stated = stated.and_then(|n| usize::try_from(n).ok()).filter(|&n| n > 0);
        stated.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get))
    }

    /// Gives rayon's global pool in this plugin (each library has its own) the host's number of threads. The first call in a
    /// process decides, since such a pool never changes its size.
    pub(crate) fn configure_rayon(&self) {
        // An error says that the pool exists already.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(self.threads()).build_global();
    }
}

/// # Safety
/// As [`Host::new`], and the extension `id` has the layout of `T`.
unsafe fn extension<T: SizedStruct>(raw: *const abi::Host, id: &str) -> Option<T> {
    // SAFETY: by the caller's promise; null is checked inside.
    unsafe {
        let get_extension = copy_sized(raw).ok()?.get_extension?;
        let pointer: *const c_void = get_extension(raw, Str::new(id));
        copy_sized(pointer.cast::<T>()).ok()
    }
}

/// Importance of a message to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// A message for the developer of the plugin.
    Debug = 0,
    /// A message that is good to know.
    Info = 1,
    /// A message that something may be wrong.
    Warning = 2,
    /// A message that something is wrong.
    Error = 3,
}
