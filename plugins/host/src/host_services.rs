//! What plugins may ask of the program.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// The word that stands in front of such a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

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
