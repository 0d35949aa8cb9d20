//! `diph plugin`: which plugins there are, what they offer, whether they keep their contract, how to begin one.

mod check;
mod lock;
mod new;
mod project;
mod trial;
mod trials;
mod worker;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use diph_plugin_host::{Component, Library};
use diph_recon::Blame;
use serde_json::{Value, json};

use check::CheckArgs;
use lock::LockArgs;
use new::NewArgs;
use worker::WorkerArgs;

use super::{lossy, parse_seconds};
use crate::Context;
use crate::output::{AppError, BlameFlag};

pub use lock::DEFAULT_LOCK;

/// Arguments of `diph plugin`.
#[derive(Args, Debug)]
pub struct PluginArgs {
    /// What to do with plugins.
    #[command(subcommand)]
    pub action: PluginAction,
}

/// What to do with plugins.
#[derive(Debug, Subcommand)]
pub enum PluginAction {
    /// List everything that plugins offer, and where it comes from
    List,
    /// Describe one component: its options as JSON schema, its library, its hash
    Info {
        /// ID of the component, for example diph.mrf-nufft
        id: String,
    },
    /// Write a project for a plugin of your own: it builds, passes every check, and waits to be changed
    New(NewArgs),
    /// Write down the hashes of all plugins that are found, so that `--locked` opens these and no others
    Lock(LockArgs),
    /// Try every law on every component of a library, or on one component, in a process of its own
    Check(CheckArgs),
    /// The process in which a component is tried
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// The process of a library for `--isolate`; it speaks with the program that has started it
    #[command(hide = true)]
    Isolated {
        /// The shared library
        library: PathBuf,
    },
}

impl PluginArgs {
    /// Whether plugins are opened by the process of the command itself.
    pub fn opens_plugins(&self) -> bool {
        matches!(self.action, PluginAction::List | PluginAction::Info { .. } | PluginAction::Lock(_))
    }

    /// Runs the command.
    ///
    /// # Errors
    /// When a plugin does not exist or cannot be opened; [`AppError::Check`] when one breaks its contract.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        match &self.action {
            PluginAction::List => list(context),
            PluginAction::Info { id } => info(context, id),
            PluginAction::Lock(args) => args.run(context),
            PluginAction::New(args) => args.run(context),
            PluginAction::Check(args) => args.run(context),
            PluginAction::Worker(args) => args.run(context),
            PluginAction::Isolated { library } => isolated(context, library),
        }
    }
}

#[cfg(unix)]
fn isolated(context: &Context, library: &Path) -> Result<(), AppError> {
    let served = diph_plugin_host::serve_isolated(library, context.services(), context.allow_untrusted_plugins);
    Ok(served.step("serving the program that has started this process")?)
}

#[cfg(not(unix))]
fn isolated(_: &Context, _: &Path) -> Result<(), AppError> {
    Err(AppError::usage("--isolate", "this system has no way to isolate plugins"))
}

fn list(context: &Context) -> Result<(), AppError> {
    let registry = context.registry()?;
    let rows: Vec<Value> = registry.components().map(summary).collect();
    context.output.result(&rows, || {
        let mut text = format!("{:<26} {:<26} {:<9} SUMMARY\n", "ID", "KIND", "VERSION");
        for Component { descriptor: d, library, shadowed_by } in registry.components() {
            text += &format!("{:<26} {:<26} {:<9} {}\n", d.id, d.kind.to_string(), d.version, d.summary);
            text += &match library.path() {
                Some(path) => format!("    {} ({})", path.display(), library.origin()),
                None => format!("    {library}"),
            };
            if let Some(other) = shadowed_by {
                text += &format!(", not used: {other} comes first");
            }
            text += "\n";
        }
        text
    })
}

fn summary(component: Component<'_>) -> Value {
    let Component { descriptor, library, shadowed_by } = component;
    json!({
        "id": descriptor.id,
        "name": descriptor.name,
        "version": descriptor.version,
        "kind": descriptor.kind.to_string(),
        "summary": descriptor.summary,
        "library": library.path().map(lossy),
        "origin": library.origin(),
        "shadowed_by": shadowed_by.map(Library::to_string),
    })
}

fn info(context: &Context, id: &str) -> Result<(), AppError> {
    let registry = context.registry()?;
    let component = registry.find(id).flag("ID")?;
    let mut value = summary(component);
    value["sha256"] = component.library.sha256().step("hashing the plugin")?.into();
    value["options_schema"] = component.descriptor.options_schema.clone();
    value["requirements"] = json!(component.descriptor.requirements);
    value["example"] = json!(component.descriptor.example);
    let text = serde_json::to_string_pretty(&value).step("describing the plugin")?;
    context.output.result(&value, || text)
}
