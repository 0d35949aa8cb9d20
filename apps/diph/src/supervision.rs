//! A run with plugins of others, watched by another process.
//!
//! A plugin that dies takes its process with it; one that calls `exit(0)` even leaves the mark of success. So wherever a library would
//! be opened, the command runs in a child of this program. The child writes what it is doing inside of plugins, and at its own end
//! a last mark; a child that ends without the mark was ended by a plugin.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use diph_plugin_host::{SearchPath, read_trace, trace_to};
use diph_recon::Blame;

use crate::Launch;
use crate::output::{AppError, Exit};

/// Where the child writes what it is doing.
const TRACE: &str = "DIPH_SUPERVISED_TRACE";

/// The last mark of a child, beside its trace.
fn end_of(trace: &Path) -> PathBuf {
    trace.with_extension("end")
}

/// The end of a command that another process watches; `None` where nobody watches.
pub struct Supervised(PathBuf);

impl Supervised {
    /// Begins to write what happens inside of plugins, if this process is such a child.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn begin() -> Result<Option<Self>, AppError> {
        let Some(trace) = std::env::var_os(TRACE).map(PathBuf::from) else { return Ok(None) };
        die_with_parent();
        trace_to(File::create(&trace).file(&trace)?).file(&trace)?;
        Ok(Some(Self(trace)))
    }

    /// Leaves the mark that the command came to its own end.
    pub fn end(self) {
        // Without it the parent says that a plugin ended the program, with the same words as if it had.
        let _ = fs::write(end_of(&self.0), "");
    }
}

/// Runs the command in a child where a library would be opened; `None` where this process can do it itself.
///
/// # Errors
/// When the child cannot be started; [`AppError::Process`] when a plugin ended it.
pub fn supervise(launch: &Launch, plugin_dirs: &[PathBuf]) -> Result<Option<u8>, AppError> {
    const STEP: &str = "starting a process for the plugins";
    if std::env::var_os(TRACE).is_some() || !SearchPath::standard(plugin_dirs).has_libraries() {
        return Ok(None);
    }
    let folder = tempfile::tempdir().step(STEP)?;
    let trace = folder.path().join("trace");
    let mut command = launch.again_as_typed();
    let mut child = own_group(command.env(TRACE, &trace)).spawn().step(STEP)?;
    let id = child.id();
    ctrlc::set_handler(move || interrupt(id)).step("listening for Ctrl-C")?;
    let status = child.wait().step("waiting for the plugins")?;
    if end_of(&trace).exists() {
        return Ok(Some(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)));
    }
    if status.code() == Some(Exit::Cancelled as i32) {
        // A second Ctrl-C ends the program where it stands.
        return Ok(Some(Exit::Cancelled as u8));
    }
    let place = read_trace(&trace).unwrap_or_default();
    let place = if place.is_empty() { "outside of plugin functions".into() } else { format!("in {place}") };
    Err(AppError::Process {
        message: format!("the program was ended {place}: {status}; finished slices are complete"),
        exit: Exit::Failure,
    })
}

/// In a group of its own, so that Ctrl-C reaches the child once, through its parent.
#[cfg(unix)]
fn own_group(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    command.process_group(0)
}

#[cfg(not(unix))]
fn own_group(command: &mut Command) -> &mut Command {
    command
}

#[cfg(unix)]
fn interrupt(id: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    if let Some(id) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // A child that has ended meanwhile needs no signal.
        let _ = kill_process(id, Signal::INT);
    }
}

#[cfg(not(unix))]
fn interrupt(_id: u32) {}

/// A child whose parent was killed would go on unseen.
#[cfg(target_os = "linux")]
fn die_with_parent() {
    use rustix::process::{Signal, set_parent_process_death_signal};
    // Where the kernel refuses, the child goes on to its own end.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() {}
