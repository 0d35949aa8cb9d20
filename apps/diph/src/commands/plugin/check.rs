//! `diph plugin check`: whether a plugin keeps its contract, whatever it does.
//!
//! Every law is tried in a process of its own kind: when the plugin ends it, hangs or takes too much memory, that is the result of
//! this law, and the next process goes on with the next one.

use std::time::Duration;

use clap::Args;
use diph_test_kit::{Check, Report};

use super::parse_seconds;
use super::trial::Trial;
use super::worker::Event;
use crate::Context;
use crate::output::{AppError, Exit};

/// Address space of a worker where `--max-memory` says nothing.
const MEMORY: u64 = 4 << 30;
/// What the program itself takes of it: code, threads' stacks, reserves of the allocator.
const OWN_MEMORY: u64 = 2 << 30;
/// Laws that a component may die in before the rest is left untried.
const MOST_DEATHS: usize = 3;
/// The law that a component can be opened and created.
const CREATED: &str = "is opened and created";

/// Arguments of `diph plugin check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The shared library, or the ID of a component
    pub target: String,
    /// Seed of the random input
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Longest time for a law in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = parse_seconds)]
    pub time_out: Duration,
    /// ID of a component to compare with on the same arrays, such as diph.cartesian: finds what keeps every law and is wrong all
    /// the same, such as a shift in forward and adjoint alike, or maps in other units
    #[arg(long, value_name = "ID")]
    pub against: Option<String>,
}

impl CheckArgs {
    /// Runs the command.
    ///
    /// # Errors
    /// When no process can be started; [`AppError::Check`] when a component breaks its contract.
    pub fn run(&self, context: &Context) -> Result<(), AppError> {
        let reports = match self.components(context)? {
            Ok(ids) => ids.iter().map(|id| self.component(context, id)).collect::<Result<Vec<_>, _>>()?,
            Err(failure) => {
                vec![Report {
                    component: self.target.clone(),
                    checks: vec![broken(CREATED, failure)],
                    warnings: vec![],
                }]
            }
        };
        let broken: Vec<&str> = reports.iter().filter(|r| !r.passed()).map(|r| r.component.as_str()).collect();
        context.output.result(&reports, || reports.iter().map(Report::to_string).collect())?;
        if broken.is_empty() {
            return Ok(());
        }
        Err(AppError::Check(format!("{}: broken laws in {}", self.target, broken.join(", "))))
    }

    /// IDs of what the target offers, or why that cannot be known.
    fn components(&self, context: &Context) -> Result<Result<Vec<String>, String>, AppError> {
        let trial = Trial::run(context, &self.arguments(context, &[]), self.time_out)?;
        Ok(match (trial.death, trial.events.into_iter().last()) {
            (None, Some(Event::Components(ids))) => Ok(ids),
            (None, Some(Event::Failed(message, code))) if code == Exit::BadInput as u8 => {
                return Err(AppError::Process { message, exit: Exit::BadInput });
            }
            (None, Some(Event::Failed(message, _))) => Err(message),
            (death, _) => Err(death.unwrap_or_else(|| "it told nothing".into())),
        })
    }

    /// Tries one component, with a new process after every death.
    fn component(&self, context: &Context, id: &str) -> Result<Report, AppError> {
        let mut report = Report { component: id.to_owned(), checks: Vec::new(), warnings: Vec::new() };
        for deaths in 1.. {
            let own = ["--component".into(), id.to_owned(), "--skip".into(), report.checks.len().to_string()];
            let trial = Trial::run(context, &self.arguments(context, &own), self.time_out)?;
            let mut begun = None;
            for event in trial.events {
                match event {
                    Event::Begins(law) => begun = Some(law),
                    Event::Ends(check) => {
                        begun = None;
                        report.checks.push(check);
                    }
                    Event::Done(warnings) => report.warnings.extend(warnings),
                    Event::Failed(message, _) => report.checks.push(broken(CREATED, message)),
                    Event::Components(_) => {}
                }
            }
            if let Some(line) = trial.printed.filter(|_| deaths == 1) {
                report.warnings.push(format!(
                    "it prints ({line:?}): standard output belongs to the results of the program; use the host's log"
                ));
            }
            let Some(death) = trial.death else { break };
            let is_beyond_laws = begun.is_none();
            report.checks.push(broken(&begun.unwrap_or_else(|| CREATED.into()), death));
            if is_beyond_laws {
                break;
            }
            if deaths == MOST_DEATHS {
                report.warnings.push(format!("it died {deaths} times; the laws after that were not tried"));
                break;
            }
        }
        Ok(report)
    }

    fn arguments(&self, context: &Context, own: &[String]) -> Vec<String> {
        let memory = context.memory.limit.map_or(MEMORY, |limit| limit.0);
        let mut arguments = vec!["plugin".to_owned(), "worker".into(), self.target.clone()];
        arguments.extend(["--seed".into(), self.seed.to_string()]);
        arguments.extend(["--time-out".into(), self.time_out.as_secs_f64().to_string()]);
        arguments.extend(["--address-space".into(), memory.saturating_add(OWN_MEMORY).to_string()]);
        arguments.extend(self.against.iter().flat_map(|id| ["--against".into(), id.clone()]));
        if context.allow_untrusted_plugins {
            arguments.push("--allow-untrusted-plugins".into());
        }
        arguments.extend(context.locked.iter().map(|file| format!("--locked={}", file.to_string_lossy())));
        for directory in &context.plugin_dirs {
            arguments.extend(["--plugin-dir".into(), directory.to_string_lossy().into_owned()]);
        }
        arguments.extend(own.iter().cloned());
        arguments
    }
}

fn broken(law: &str, failure: String) -> Check {
    Check { law: law.to_owned().into(), measured: None, limit: 0.0, passed: false, failure: Some(failure) }
}
