//! The services in the form that a plugin reads.

use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use diph_plugin_abi::{self as abi, Host, HostCancel, HostLog, HostProgress, HostThreads, Str};

use crate::{HostServices, LogLevel};

/// The host as one instance sees it; alive as long as the instance.
pub(crate) struct HostSide {
    raw: Host,
    services: Arc<HostServices>,
    component: String,
}

// SAFETY: `raw` is never written to, and its `context` points to the struct itself, whose other fields are `Send + Sync`.
unsafe impl Send for HostSide {}
// SAFETY: as above.
unsafe impl Sync for HostSide {}

static LOG: HostLog = HostLog { struct_size: size_of::<HostLog>() as u64, log: Some(log) };
static PROGRESS: HostProgress =
    HostProgress { struct_size: size_of::<HostProgress>() as u64, progress: Some(progress) };
static CANCEL: HostCancel = HostCancel { struct_size: size_of::<HostCancel>() as u64, cancelled: Some(cancelled) };
static THREADS: HostThreads = HostThreads { struct_size: size_of::<HostThreads>() as u64, count: Some(thread_count) };

impl HostSide {
    pub(crate) fn new(services: Arc<HostServices>, component: &str) -> Arc<Self> {
        Arc::new_cyclic(|this: &std::sync::Weak<Self>| Self {
            raw: Host {
                name: Str::new("diph"),
                version: Str::new(env!("CARGO_PKG_VERSION")),
                context: this.as_ptr().cast_mut().cast(),
                get_extension: Some(get_extension),
                ..Host::default()
            },
            services,
            component: component.into(),
        })
    }

    pub(crate) fn raw(&self) -> *const Host {
        &raw const self.raw
    }
}

/// Runs `f` on the host behind `host`; nothing happens for a null pointer or a panic in the program's callback.
///
/// # Safety
/// `host` is null or what [`HostSide::raw`] gave, of an instance that is alive.
unsafe fn with<T>(host: *const Host, fallback: T, f: impl FnOnce(&HostSide) -> T) -> T {
    if host.is_null() {
        return fallback;
    }
    // SAFETY: `context` points to the `HostSide`, alive by the caller's promise.
    let side = unsafe { &*(*host).context.cast::<HostSide>() };
    catch_unwind(AssertUnwindSafe(|| f(side))).unwrap_or(fallback)
}

unsafe extern "C" fn get_extension(_host: *const Host, id: Str) -> *const c_void {
    // SAFETY: the plugin keeps the text alive for the call.
    match unsafe { id.as_str() } {
        Some(abi::HOST_LOG) => (&raw const LOG).cast(),
        Some(abi::HOST_PROGRESS) => (&raw const PROGRESS).cast(),
        Some(abi::HOST_CANCEL) => (&raw const CANCEL).cast(),
        Some(abi::HOST_THREADS) => (&raw const THREADS).cast(),
        _ => ptr::null(),
    }
}

unsafe extern "C" fn log(host: *const Host, level: i32, message: Str) {
    // SAFETY: the plugin keeps the header's rules.
    unsafe {
        let message = message.as_str().unwrap_or("(a message that is not UTF-8)");
        with(host, (), |side| side.services.log(&side.component, LogLevel::from_code(level), message));
    }
}

unsafe extern "C" fn progress(host: *const Host, task: Str, done: u64, total: u64) {
    // SAFETY: the plugin keeps the header's rules.
    unsafe {
        let task = task.as_str().unwrap_or("(a task that is not UTF-8)");
        with(host, (), |side| side.services.progress(&side.component, task, done, total));
    }
}

unsafe extern "C" fn cancelled(host: *const Host) -> i32 {
    // SAFETY: the plugin keeps the header's rules.
    unsafe { with(host, 0, |side| side.services.is_cancelled().into()) }
}

unsafe extern "C" fn thread_count(host: *const Host) -> u64 {
    // SAFETY: the plugin keeps the header's rules.
    unsafe { with(host, 1, |side| side.services.thread_count() as u64) }
}
