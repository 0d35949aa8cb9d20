//! What the host does for plugins: messages, progress, cancelling, threads; and the form in which a plugin sees it.

use std::ffi::c_void;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diph_plugin_abi::{self as abi, Host, HostCancel, HostLog, HostProgress, HostThreads, Str};

/// Importance of a plugin's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// A message for the developer of a plugin.
    Debug,
    /// A message that is good to know.
    Info,
    /// A message that something may be wrong.
    Warning,
    /// A message that something is wrong.
    Error,
}

impl LogLevel {
    pub(crate) fn from_code(code: i32) -> Self {
        match code {
            ..=0 => Self::Debug,
            1 => Self::Info,
            2 => Self::Warning,
            _ => Self::Error,
        }
    }
}

type Log = dyn Fn(&str, LogLevel, &str) + Send + Sync;
type Progress = dyn Fn(&str, &str, u64, u64) + Send + Sync;

/// What plugins may ask of the program. All of it may be called from any thread.
#[derive(Default)]
pub struct HostServices {
    log: Option<Box<Log>>,
    progress: Option<Box<Progress>>,
    cancel: Option<Arc<AtomicBool>>,
    threads: Option<NonZero<usize>>,
}

impl HostServices {
    /// Services that drop every message, never cancel, and grant all threads of the machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Receives messages: (component ID, level, message).
    #[must_use]
    pub fn on_log(mut self, log: impl Fn(&str, LogLevel, &str) + Send + Sync + 'static) -> Self {
        self.log = Some(Box::new(log));
        self
    }

    /// Receives progress: (component ID, task, units done, units in all or 0).
    #[must_use]
    pub fn on_progress(mut self, progress: impl Fn(&str, &str, u64, u64) + Send + Sync + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Plugins stop when this flag is set.
    #[must_use]
    pub fn cancel_flag(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = Some(flag);
        self
    }

    /// Grants this many threads to each call.
    #[must_use]
    pub fn threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = Some(threads);
        self
    }

    pub(crate) fn log(&self, component: &str, level: LogLevel, message: &str) {
        if let Some(log) = &self.log {
            log(component, level, message);
        }
    }

    pub(crate) fn progress(&self, component: &str, task: &str, done: u64, total: u64) {
        if let Some(progress) = &self.progress {
            progress(component, task, done, total);
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    pub(crate) fn thread_count(&self) -> usize {
        let machine = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.threads.map_or_else(machine, NonZero::get)
    }
}

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
