//! The process in which a component of a plugin is tried. It writes what happens line by line, so that another process knows how
//! far it came when the plugin ends it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use diph_formats::is_there;
use diph_plugin_host::{Component, Origin, PluginInstance, Registry, trace_to};
use diph_recon::Blame;
use diph_test_kit::{
    Check, Report, Watch, dense_difference, dense_matrix, watch_estimator, watch_operator, watch_prior, watch_projector,
};
use serde::{Deserialize, Serialize};

use crate::Context;
use crate::output::{AppError, BlameFlag};

/// Arguments of the process in which a component is tried.
#[derive(Args, Debug)]
pub struct WorkerArgs {
    /// The shared library, or the ID of a component
    pub target: String,
    /// ID of the component to try; without it the components are listed
    #[arg(long)]
    pub component: Option<String>,
    /// Laws to pass over, because earlier processes have tried them
    #[arg(long, default_value_t = 0)]
    pub skip: usize,
    /// Seed of the random input
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// ID of a component to compare with
    #[arg(long)]
    pub against: Option<String>,
    /// Largest address space of this process in bytes
    #[arg(long)]
    pub address_space: u64,
    /// File to which events are appended
    #[arg(long)]
    pub events: PathBuf,
    /// File that holds what is running
    #[arg(long)]
    pub trace: PathBuf,
}

/// What a worker tells, one JSON value a line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The components of the target.
    Components(Vec<String>),
    /// A law is about to be tried.
    Begins(String),
    /// A law was tried.
    Ends(Check),
    /// Every law was tried; these are the warnings.
    Done(Vec<String>),
    /// Nothing can be tried: why, and the code to end with.
    Failed(String, u8),
}

impl WorkerArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When the files cannot be written; what a plugin does wrong is an event.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        limit_address_space(self.address_space)?;
        trace_to(File::create(&self.trace).file(&self.trace)?).file(&self.trace)?;
        let events = OpenOptions::new().append(true).create(true).open(&self.events).file(&self.events)?;
        let mut events = Events { file: events, index: 0, skip: self.skip };
        let last = match self.attempt(context, &mut events) {
            Ok(event) => event,
            Err(error) => Event::Failed(error.to_string(), error.exit() as u8),
        };
        events.write(&last);
        Ok(())
    }

    fn attempt(&self, context: &Context, events: &mut Events) -> Result<Event, AppError> {
        let (registry, ids) = self.open(context)?;
        let Some(id) = &self.component else { return Ok(Event::Components(ids)) };
        let mut report = try_component(&registry, id, self.seed, events)?;
        if let Some(other) = &self.against {
            self.compare(&registry, id, other, events)?;
        }
        let shadows = |other: &Component<'_>| other.descriptor.id == *id && other.library.origin() == Origin::BuiltIn;
        if registry.find(id).is_ok_and(|own| own.library.origin() != Origin::BuiltIn)
            && context.registry()?.components().any(|other| shadows(&other))
        {
            report
                .warnings
                .push(format!("a part that comes with Diph has the ID `{id}` too; this one takes its place"));
        }
        Ok(Event::Done(report.warnings))
    }

    /// The library alone, so that no other plugin can disturb; or all plugins, for an ID.
    fn open(&self, context: &Context) -> Result<(Registry, Vec<String>), AppError> {
        let path = Path::new(&self.target);
        if !is_there(path).file(path)? {
            let registry = context.registry()?;
            if let Ok(component) = registry.find(&self.target) {
                let id = component.descriptor.id.clone();
                return Ok((registry, vec![id]));
            }
        }
        let mut registry = context.empty_registry()?;
        let library = registry.open(path).file(path)?;
        let ids = library.descriptors().iter().map(|descriptor| descriptor.id.clone()).collect();
        if self.against.is_some() {
            diph_built_in::register(&mut registry).step("registering the built-in plugins")?;
        }
        Ok((registry, ids))
    }

    /// Operators of the same arrays, written out as matrices.
    fn compare(&self, registry: &Registry, id: &str, other: &str, events: &mut Events) -> Result<(), AppError> {
        const LAW: &str = "agrees with the other operator";
        const LIMIT: f64 = 1e-3;
        let example = registry.find(id).flag("ID")?.descriptor.example.clone();
        events.begins(LAW);
        let arrays = example.draw(self.seed).step(LAW)?;
        let difference = || {
            let own = registry.create_operator(id, &example.options, &arrays)?;
            let trusted = registry.create_operator(other, &serde_json::json!({}), &arrays)?;
            dense_difference(&own, &dense_matrix(&trusted)?)
        };
        let (measured, failure) = match difference() {
            Ok(difference) => (Some(difference), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let passed = measured.is_some_and(|difference| difference <= LIMIT);
        events.ends(&Check { law: LAW.into(), measured, limit: LIMIT, passed, failure });
        Ok(())
    }
}

/// Tries every law on the example of a component.
fn try_component(registry: &Registry, id: &str, seed: u64, events: &mut Events) -> Result<Report, AppError> {
    let step = format!("creating the example of {id}");
    let (instance, example) = registry.create_example(id, seed).step(&step)?;
    let mut report = match &instance {
        PluginInstance::Operator(operator) => watch_operator(operator, seed, events),
        PluginInstance::Prior(prior) => {
            let conditions = example.draw_conditions(seed).step(&step)?;
            watch_prior(&**prior, &example.image, &conditions, seed, events)
        }
        PluginInstance::Projector(projector) => {
            watch_projector(projector, &example.image_shape().step(&step)?, seed, events)
        }
        PluginInstance::Estimator(estimator) => watch_estimator(estimator, &example.image, seed, events),
        _ => return Err(AppError::Check(format!("{id}: a kind that this program knows no laws for"))),
    };
    if let PluginInstance::Operator(operator) = &instance {
        events.holds("the plugin itself refuses a longer image", || operator.refuses_longer_image());
        events.measures("weights are those that it tells", 1e-4, || {
            registry.weights_error(id, seed).map(Option::unwrap_or_default)
        });
        report.warnings.extend(unusual_axes(operator));
    }
    events.holds("an unknown option is refused", || registry.refuses_unknown_option(id, seed));
    // The end of an instance is a call like any other.
    events.holds("it is destroyed", || {
        drop(instance);
        Ok(true)
    });
    Ok(report)
}

/// Spaces that a reconstruction cannot use, in words.
fn unusual_axes(operator: &impl diph_core::ForwardOperator) -> Option<String> {
    let names =
        |space: &diph_core::Space| -> Vec<String> { space.axes().iter().map(|axis| axis.name.to_string()).collect() };
    let (domain, range) = (names(operator.domain()), names(operator.range()));
    let is_image = domain == ["coefficient", "y", "x"] || domain == ["coefficient", "z", "y", "x"];
    let is_kspace = range == ["coil", "frame", "sample"];
    (!is_image || !is_kspace).then(|| {
        format!(
            "`diph recon` maps images (coefficient, [z,] y, x) to samples (coil, frame, sample); it maps ({}) to ({})",
            domain.join(", "),
            range.join(", ")
        )
    })
}

/// Writes events, and passes over the laws that earlier processes have tried.
struct Events {
    file: File,
    index: usize,
    skip: usize,
}

impl Events {
    fn write(&mut self, event: &Event) {
        // Whoever reads them sees that they end.
        let _ = serde_json::to_string(event).map(|line| writeln!(self.file, "{line}"));
    }

    fn holds(&mut self, law: &'static str, test: impl FnOnce() -> diph_core::Result<bool>) {
        self.measures(law, 0.0, || test().map(|holds| if holds { 0.0 } else { 1.0 }));
    }

    fn measures(&mut self, law: &'static str, limit: f64, measure: impl FnOnce() -> diph_core::Result<f64>) {
        if !self.begins(law) {
            return;
        }
        let (measured, failure) = match measure() {
            Ok(measured) => (Some(measured), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let passed = measured.is_some_and(|measured| measured <= limit);
        self.ends(&Check { law: law.into(), measured, limit, passed, failure });
    }
}

impl Watch for Events {
    fn begins(&mut self, law: &'static str) -> bool {
        self.index += 1;
        if self.index <= self.skip {
            return false;
        }
        self.write(&Event::Begins(law.into()));
        true
    }

    fn ends(&mut self, check: &Check) {
        self.write(&Event::Ends(check.clone()));
    }
}

/// A plugin that asks for all memory is refused some of it instead of taking the machine down.
#[cfg(unix)]
fn limit_address_space(bytes: u64) -> Result<(), AppError> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = Rlimit { current: Some(bytes), ..getrlimit(Resource::As) };
    Ok(setrlimit(Resource::As, limit).step("limiting the memory of the process")?)
}

#[cfg(not(unix))]
fn limit_address_space(_bytes: u64) -> Result<(), AppError> {
    Ok(())
}
