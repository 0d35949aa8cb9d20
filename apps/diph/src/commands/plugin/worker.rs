//! The process in which a component of a plugin is tried. It writes what happens line by line, so that another process knows how
//! far it came when the plugin ends it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use diph_formats::is_there;
use diph_plugin_host::{Component, Origin, Registry, SearchPath, trace_to};
use diph_recon::Blame;
use diph_test_kit::{Check, Watch};
use serde::{Deserialize, Serialize};

use super::parse_seconds;
use super::trials::Trials;
use crate::Context;
use crate::output::AppError;

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
    /// Time after which a law counts as hanging, in seconds
    #[arg(long, value_parser = parse_seconds)]
    pub time_out: Duration,
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
        let trials = Trials { registry: &registry, id, seed: self.seed, time_out: self.time_out };
        let mut report = trials.run(events)?;
        if let Some(other) = &self.against {
            trials.compare(other, events)?;
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
            registry.scan(&SearchPath::standard(&context.plugin_dirs));
            diph_built_in::register(&mut registry).step("registering the built-in plugins")?;
        }
        Ok((registry, ids))
    }
}

/// Writes events, and passes over the laws that earlier processes have tried.
pub struct Events {
    file: File,
    index: usize,
    skip: usize,
}

impl Events {
    fn write(&mut self, event: &Event) {
        // Whoever reads them sees that they end.
        let _ = serde_json::to_string(event).map(|line| writeln!(self.file, "{line}"));
    }

    /// Tries a law that holds or does not.
    pub fn holds(&mut self, law: &'static str, test: impl FnOnce() -> diph_core::Result<bool>) {
        self.measures(law, 0.0, || test().map(|holds| if holds { 0.0 } else { 1.0 }));
    }

    /// Tries a law by a number that must not exceed a limit.
    pub fn measures(&mut self, law: &'static str, limit: f64, measure: impl FnOnce() -> diph_core::Result<f64>) {
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

    /// Says that the law, which began last, holds.
    pub fn held(&mut self, law: &'static str) {
        self.ends(&Check { law: law.into(), measured: Some(0.0), limit: 0.0, passed: true, failure: None });
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
