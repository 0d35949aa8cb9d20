//! What every command needs.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[cfg(unix)]
use diph_plugin_host::Isolation;
use diph_plugin_host::{Component, HostServices, LoadError, LogLevel, Origin, PluginLock, Registry, SearchPath};

use diph_recon::memory::MemoryBudget;
use diph_recon::provenance::FileHashes;
use diph_recon::{Blame, Cancel};

use crate::Launch;
use crate::output::{AppError, Output};

/// What every command needs: where to print, whether to stop, where plugins are.
pub struct Context {
    /// Everything that is printed.
    pub output: Output,
    /// Whether the user asked to stop.
    pub cancel: Cancel,
    /// Directories from `--plugin-dir`.
    pub plugin_dirs: Vec<PathBuf>,
    /// Whether plugins of other owners are opened, from `--allow-untrusted-plugins`.
    pub allow_untrusted_plugins: bool,
    /// The file from `--locked`.
    pub locked: Option<PathBuf>,
    /// Threads from `--threads`.
    pub threads: Option<NonZero<usize>>,
    /// Whether plugins are heard, from `--verbose`.
    pub verbose: bool,
    /// Hashes of the files that were read.
    pub hashes: FileHashes,
    /// What may be taken, with `--max-memory`.
    pub memory: MemoryBudget,
    /// How this command line was started.
    pub launch: Launch,
    /// The command as typed, for provenance.
    pub command_line: Vec<String>,
}

impl Context {
    /// All plugins of the search path, and behind them those that are linked into the program. Plugins that cannot be used are
    /// warned of.
    ///
    /// # Errors
    /// When a directory of `--plugin-dir` does not exist, the file of `--locked` cannot be read, or a plugin is not what it says.
    pub fn registry(&self) -> Result<Registry, AppError> {
        self.filled(self.empty_registry()?)
    }

    /// As [`registry`](Self::registry), with every library in a process of its own; `time_out` is the longest time that one of its
    /// calls may take without an answer or a word of progress.
    ///
    /// # Errors
    /// As [`registry`](Self::registry), and where the system has no way to isolate.
    #[cfg(unix)]
    pub fn isolated_registry(&self, time_out: Duration) -> Result<Registry, AppError> {
        let launch = self.launch.clone();
        let (threads, untrusted) = (self.threads, self.allow_untrusted_plugins);
        let command = move |library: &Path| {
            let mut command = launch.again();
            command.args(["plugin", "isolated"]).arg(library);
            command.args(threads.map(|threads| format!("--threads={threads}")));
            command.args(untrusted.then_some("--allow-untrusted-plugins"));
            command
        };
        self.filled(self.empty_registry()?.isolated(Isolation::new(command, time_out)))
    }

    /// As [`registry`](Self::registry), with every library in a process of its own.
    ///
    /// # Errors
    /// Always: this system has no way to isolate.
    #[cfg(not(unix))]
    pub fn isolated_registry(&self, _time_out: Duration) -> Result<Registry, AppError> {
        Err(AppError::usage("--isolate", "this system has no way to isolate plugins"))
    }

    fn filled(&self, mut registry: Registry) -> Result<Registry, AppError> {
        if let Some(missing) = self.plugin_dirs.iter().find(|directory| !directory.is_dir()) {
            return Err(AppError::usage("--plugin-dir", format!("no such directory: {}", missing.display())));
        }
        registry.scan(&SearchPath::standard(&self.plugin_dirs));
        diph_built_in::register(&mut registry).step("registering the built-in plugins")?;
        for failure in registry.failures() {
            match failure {
                LoadError::Changed { .. } | LoadError::NotLocked { .. } => {
                    return Err(AppError::usage("--locked", failure.to_string()));
                }
                _ => self.output.warn(failure),
            }
        }
        for Component { descriptor, library, shadowed_by } in registry.components() {
            if let (Origin::BuiltIn, Some(other)) = (library.origin(), shadowed_by) {
                let id = &descriptor.id;
                self.output.warn(format_args!("{id} is that of {other}, in place of the part that comes with Diph"));
            }
        }
        Ok(registry)
    }

    /// A registry without plugins, with the services of this program, that opens what the user allows.
    ///
    /// # Errors
    /// When the file of `--locked` cannot be read.
    pub fn empty_registry(&self) -> Result<Registry, AppError> {
        let registry = Registry::new(self.services()).allowing_untrusted(self.allow_untrusted_plugins);
        Ok(match &self.locked {
            Some(file) => registry.locked(read_lock(file)?),
            None => registry,
        })
    }

    /// What plugins may ask of this program.
    pub fn services(&self) -> HostServices {
        let services = HostServices::new().cancel_flag(self.cancel.flag());
        let (say, least) = (self.output.voice(), if self.verbose { LogLevel::Debug } else { LogLevel::Warning });
        let mut services = services.on_log(move |id, level, message| {
            if level >= least {
                say(&format!("{}: {id}: {message}", level.name()));
            }
        });
        if self.verbose {
            let (say, last) = (self.output.voice(), Mutex::new(None));
            services = services.on_progress(move |id, task, done, total| {
                if is_worth_saying(&last, id, task, done == total) {
                    let of = if total == 0 { String::new() } else { format!(" of {total}") };
                    say(&format!("progress: {id}: {task}: {done}{of}"));
                }
            });
        }
        match self.threads {
            Some(threads) => services.threads(threads),
            None => services,
        }
    }
}

/// Reads a file that `diph plugin lock` has written.
fn read_lock(file: &Path) -> Result<PluginLock, AppError> {
    let text = diph_formats::read_text(file).file(file)?;
    Ok(serde_json::from_str(&text).file(file)?)
}

/// The task that was last told of, and when.
type LastTask = Mutex<Option<(String, Instant)>>;

/// Whether progress is worth a line: that of a new task, the end of one, and what comes a second after the last line.
fn is_worth_saying(last: &LastTask, id: &str, task: &str, is_end: bool) -> bool {
    const PAUSE: Duration = Duration::from_secs(1);
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    let name = format!("{id}: {task}");
    let is_old = |(told, when): &(String, Instant)| *told == name && when.elapsed() < PAUSE;
    if !is_end && last.as_ref().is_some_and(is_old) {
        return false;
    }
    *last = Some((name, Instant::now()));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_once_a_second() {
        let last = LastTask::default();
        let told = |task: &str, is_end| is_worth_saying(&last, "lab.x", task, is_end);
        assert!(told("noise", false) && !told("noise", false) && told("noise", true) && told("other", false));
    }
}
