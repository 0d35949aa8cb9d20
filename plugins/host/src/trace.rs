//! What the process is doing inside of plugins, written where another process can read it.
//!
//! A plugin that dies takes its process with it, and one that calls `exit(0)` even leaves the mark of success. A process that
//! watches reads here which plugin and which function it was. Nothing is written unless [`trace_to`] was called.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Bytes of a record; longer ones are cut.
const RECORD: usize = 512;

static TRACE: OnceLock<Trace> = OnceLock::new();

struct Trace {
    file: File,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the program is busy with, such as a slice.
    work: String,
    /// Calls that have not returned, from all threads, oldest first, by their number.
    running: Vec<(u64, String)>,
    calls: u64,
}

/// Writes from now on which plugin function runs, over the same few bytes of `file`; [`read_trace`] reads them.
///
/// # Errors
/// When the file cannot be written. A second call has no effect.
pub fn trace_to(file: File) -> io::Result<()> {
    let trace = Trace { file, state: Mutex::new(State::default()) };
    trace.write("")?;
    let _ = TRACE.set(trace);
    Ok(())
}

/// Says what the program is busy with, such as `vol 0, slice 5`; it stands in the record beside plugin and function.
pub fn trace_work(work: &str) {
    if let Some(trace) = TRACE.get() {
        let mut state = trace.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.work = work.into();
    }
}

/// The words that a process left in its record: plugin, function and work; empty where no plugin function was running.
///
/// # Errors
/// When the file cannot be read.
pub fn read_trace(file: &Path) -> io::Result<String> {
    let bytes = std::fs::read(file)?;
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

impl Trace {
    fn write(&self, text: &str) -> io::Result<()> {
        let mut record = [0u8; RECORD];
        // The last byte stays zero.
        let length = text.len().min(RECORD - 1);
        record[..length].copy_from_slice(&text.as_bytes()[..length]);
        write_at_start(&self.file, &record)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let text = match state.running.last() {
            None => String::new(),
            Some((_, call)) if state.work.is_empty() => call.clone(),
            Some((_, call)) => format!("{call} ({})", state.work),
        };
        // A trace that cannot be written must not end a run.
        let _ = self.write(&text);
    }
}

#[cfg(unix)]
fn write_at_start(file: &File, record: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, record, 0)
}

#[cfg(windows)]
fn write_at_start(file: &File, record: &[u8]) -> io::Result<()> {
    std::os::windows::fs::FileExt::seek_write(file, record, 0).map(drop)
}

/// A plugin function that is running until this is dropped.
pub(crate) struct Running(Option<u64>);

/// Notes that `function` of the plugin that `label` names runs.
pub(crate) fn enter(label: &str, function: &str) -> Running {
    let Some(trace) = TRACE.get() else { return Running(None) };
    let mut number = 0;
    trace.change(|state| {
        state.calls += 1;
        number = state.calls;
        state.running.push((number, format!("{label}: `{function}`")));
    });
    Running(Some(number))
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(number), Some(trace)) = (self.0, TRACE.get()) {
            trace.change(|state| state.running.retain(|(running, _)| *running != number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test for the whole state of the process.
    #[test]
    fn the_record_names_what_runs() {
        let path = std::env::temp_dir().join(format!("diph-trace-{}", std::process::id()));
        let before = enter("plugin `lab.x`", "forward");
        trace_to(File::create(&path).unwrap()).unwrap();
        drop(before);
        assert_eq!(read_trace(&path).unwrap(), "");
        let outer = enter("plugin `lab.x`", "forward");
        trace_work("vol 0, slice 5");
        let inner = enter("plugin `lab.y`", "adjoint");
        assert_eq!(read_trace(&path).unwrap(), "plugin `lab.y`: `adjoint` (vol 0, slice 5)");
        drop(inner);
        assert_eq!(read_trace(&path).unwrap(), "plugin `lab.x`: `forward` (vol 0, slice 5)");
        let long = enter(&"x".repeat(2 * RECORD), "adjoint");
        assert_eq!(read_trace(&path).unwrap(), "x".repeat(RECORD - 1));
        drop((long, outer));
        assert_eq!(read_trace(&path).unwrap(), "");
        std::fs::remove_file(path).unwrap();
    }
}
