//! Long work that Ctrl-C ends.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{Builder, scope};
use std::time::Duration;

use diph_recon::Cancel;
use pyo3::prelude::*;

/// How often Python is asked whether a signal came.
const PAUSE: Duration = Duration::from_millis(50);

/// Python functions that the work calls need more than a thread has by default.
const STACK_BYTES: usize = 16 << 20;

/// Runs `work` on a thread of its own without the interpreter's lock, and raises `cancel` when a signal's handler raises, as that of
/// Ctrl-C does. Only the main thread of an interpreter runs handlers; called from another one, the work comes to its own end.
///
/// # Errors
/// What the handler raised, after the work has ended; and when the system gives no thread.
pub fn interruptible<T: Send>(py: Python<'_>, cancel: &Cancel, work: impl FnOnce() -> T + Send) -> PyResult<T> {
    scope(|scope| {
        // The work drops its end when it returns or panics.
        let (end, mut ended) = channel::<()>();
        let job = move || {
            let _end = end;
            work()
        };
        let worker = Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, job)?;
        let mut raised = None;
        loop {
            let waiting = &mut ended;
            if py.detach(move || waiting.recv_timeout(PAUSE)) != Err(RecvTimeoutError::Timeout) {
                break;
            }
            if let Err(error) = py.check_signals() {
                cancel.cancel();
                raised = Some(error);
            }
        }
        let result = py.detach(move || worker.join()).unwrap_or_else(|panic| resume_unwind(panic));
        raised.map_or(Ok(result), Err)
    })
}
