//! Plugins of others in processes of their own.
//!
//! A host that [isolates](crate::Registry::isolated) opens no library itself. For each it starts a worker, a process of the same
//! program, which opens the library and does what the host asks: describe it, create parts, call them. Host and worker speak
//! over a socket, in values of JSON after their lengths; the numbers of tensors lie in memory that both share.
//!
//! A worker that dies, does not answer in time or answers nonsense is ended, and the call fails with an error that says so. The
//! next call starts a new worker and creates its part there again, from a copy of what it was created from. Parts compute in a
//! worker what they compute in the host, bit for bit: generators of random numbers travel with their state.
//!
//! One call at a time goes to a worker; others wait for it.

pub(crate) mod arena;
pub(crate) mod message;
mod process;
mod remote_part;
pub(crate) mod remote_parts;
mod worker;

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub(crate) use message::Creation;
pub(crate) use remote_part::RemotePart;
pub(crate) use worker::Worker;

/// How libraries are isolated.
pub struct Isolation {
    command: Box<dyn Fn(&Path) -> Command + Send + Sync>,
    time_out: Duration,
}

impl Isolation {
    /// `command` starts the process for a library; it has to end up in [`serve_isolated`](crate::serve_isolated) with its standard input and output, and
    /// standard error is its own. `time_out` is the longest time that a call may take without an answer or a word of progress.
    pub fn new(command: impl Fn(&Path) -> Command + Send + Sync + 'static, time_out: Duration) -> Self {
        Self { command: Box::new(command), time_out }
    }
}

impl fmt::Debug for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Isolation").field("time_out", &self.time_out).finish_non_exhaustive()
    }
}
