//! `diph plugin lock`: the hashes of all plugins, for `--locked`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_formats::OutputFile;
use diph_plugin_host::PluginLock;
use diph_recon::{Blame, json_bytes};

use crate::Context;
use crate::output::AppError;

/// The file that `plugin lock` writes and `--locked` reads where no other is named.
pub const DEFAULT_LOCK: &str = "plugins.lock";

/// Arguments of `diph plugin lock`.
#[derive(Args, Debug)]
pub struct LockArgs {
    /// The file to write; an older lock is replaced
    #[arg(long, value_name = "FILE", default_value = DEFAULT_LOCK)]
    pub out: PathBuf,
    /// Replace a file that is no lock of plugins, too
    #[arg(long)]
    pub force: bool,
}

impl LockArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When a plugin cannot be read, or something else than a lock is in the way.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let out = OutputFile::new(&self.out, self.force || is_lock(&self.out), &[]).file(&self.out)?;
        let lock = PluginLock::of(context.registry()?.libraries()).step("locking the plugins")?;
        let bytes = json_bytes(&lock).step("locking the plugins")?;
        out.write(&bytes).file(&self.out)?;
        context.output.result(&lock, || {
            let mut text = format!("{} libraries in {}\n", lock.libraries.len(), self.out.display());
            for library in &lock.libraries {
                let offers = library.components.iter().map(|part| format!("{} {}", part.id, part.version));
                let offers = offers.collect::<Vec<_>>().join(", ");
                text += &format!("  {}  {offers}\n    {}\n", &library.sha256, library.path.display());
            }
            text
        })
    }
}

fn is_lock(file: &Path) -> bool {
    fs::read(file).is_ok_and(|bytes| serde_json::from_slice::<PluginLock>(&bytes).is_ok())
}
