//! `diph plugin`: which plugins there are, what they offer, whether they keep their contract.

use std::path::Path;

use clap::{Args, Subcommand};
use diph_plugin_host::{Component, Library, PluginInstance, Registry};
use diph_recon::Blame;
use diph_test_kit::{Report, check_conditional_prior, check_estimator, check_operator, check_projector};
use serde_json::{Value, json};

use super::lossy;
use crate::Context;
use crate::output::{AppError, BlameFlag};

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
    /// Try every law on every component of a library, or on one component
    Check {
        /// The shared library, or the ID of a component
        target: String,
        /// Seed of the random input
        #[arg(long, default_value_t = 0)]
        seed: u64,
    },
}

impl PluginArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When a plugin does not exist or cannot be opened; [`AppError::Check`] when one breaks its contract.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        match &self.action {
            PluginAction::List => list(context),
            PluginAction::Info { id } => info(context, id),
            PluginAction::Check { target, seed } => check(context, target, *seed),
        }
    }
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

/// Tries the components of a library, or the one of an ID.
fn check(context: &Context, target: &str, seed: u64) -> Result<(), AppError> {
    let path = Path::new(target);
    let mut registry = context.registry()?;
    let ids = match registry.find(target) {
        Ok(component) => vec![component.descriptor.id.clone()],
        Err(_) => {
            registry = context.empty_registry();
            let library = registry.open(path).file(path)?;
            library.descriptors().iter().map(|descriptor| descriptor.id.clone()).collect()
        }
    };
    let mut reports = Vec::new();
    for id in ids {
        context.cancel.check()?;
        reports.push(check_component(&registry, &id, seed)?);
    }
    let broken: Vec<&str> = reports.iter().filter(|r| !r.passed()).map(|r| r.component.as_str()).collect();
    context.output.result(&reports, || reports.iter().map(Report::to_string).collect())?;
    if broken.is_empty() {
        return Ok(());
    }
    Err(AppError::Check(format!("{target}: broken laws in {}", broken.join(", "))))
}

fn check_component(registry: &Registry, id: &str, seed: u64) -> Result<Report, AppError> {
    let step = format!("creating the example of {id}");
    let (instance, example) = registry.create_example(id, seed).step(&step)?;
    let mut report = match &instance {
        PluginInstance::Operator(operator) => check_operator(operator, seed),
        PluginInstance::Prior(prior) => {
            let conditions = example.draw_conditions(seed).step(&step)?;
            check_conditional_prior(&**prior, &example.image, &conditions, seed)
        }
        PluginInstance::Projector(projector) => check_projector(projector, &example.image_shape().step(&step)?, seed),
        PluginInstance::Estimator(estimator) => check_estimator(estimator, &example.image, seed),
        _ => return Err(AppError::Check(format!("{id}: a kind that this program knows no laws for"))),
    };
    report.component = id.to_owned();
    Ok(report)
}
