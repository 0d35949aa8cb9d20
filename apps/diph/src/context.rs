//! What every command needs.

use std::num::NonZero;
use std::path::PathBuf;

use diph_plugin_host::{HostServices, LogLevel, Registry, SearchPath};

use crate::memory::MemoryBudget;
use crate::output::{AppError, Cancel, FileHashes, Output};

/// What every command needs: where to print, whether to stop, where plugins are.
pub struct Context {
    /// Everything that is printed.
    pub output: Output,
    /// Whether the user asked to stop.
    pub cancel: Cancel,
    /// Directories from `--plugin-dir`.
    pub plugin_dirs: Vec<PathBuf>,
    /// Threads from `--threads`.
    pub threads: Option<NonZero<usize>>,
    /// Hashes of the files that were read.
    pub hashes: FileHashes,
    /// What may be taken, with `--max-memory`.
    pub memory: MemoryBudget,
}

impl Context {
    /// All plugins of the search path. Plugins that cannot be used are warned of.
    ///
    /// # Errors
    /// When a directory of `--plugin-dir` does not exist.
    pub fn registry(&self) -> Result<Registry, AppError> {
        if let Some(missing) = self.plugin_dirs.iter().find(|directory| !directory.is_dir()) {
            return Err(AppError::usage("--plugin-dir", format!("no such directory: {}", missing.display())));
        }
        let mut registry = self.empty_registry();
        registry.scan(&SearchPath::standard(&self.plugin_dirs));
        for failure in registry.failures() {
            self.output.warn(failure);
        }
        Ok(registry)
    }

    /// A registry without plugins, with the services of this program.
    pub fn empty_registry(&self) -> Registry {
        let services = HostServices::new().cancel_flag(self.cancel.flag()).on_log(|id, level, message| {
            if level >= LogLevel::Warning {
                eprintln!("warning: {id}: {message}");
            }
        });
        Registry::new(match self.threads {
            Some(threads) => services.threads(threads),
            None => services,
        })
    }
}
