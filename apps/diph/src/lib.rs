//! The `diph` command line as a library: commands, methods, pictures, reports, and what a run says to its user.
//!
//! The numerics live in the crates below; everything here is about people, files, and which part comes from which plugin.

#![deny(unsafe_code)]

mod cli;
mod commands;
pub mod config;
mod context;
mod dataset_run;
mod inputs;
pub mod memory;
pub mod method;
pub mod output;
mod parity;
pub mod reconstruction;
pub mod render;
pub mod report;
mod results;
mod simulation;
pub mod training;

use std::process::ExitCode;

use clap::Parser;
use diph_network::ops::check_cpu;

use cli::{Cli, Command};
pub(crate) use context::Context;
use memory::MemoryBudget;
use output::{AppError, Blame, Cancel, Exit, FileHashes, Mode, Output};

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let output = Output::new(Mode::from_flags(cli.global.quiet, cli.global.json));
    if let Some(threads) = cli.global.threads {
        // Fails only when the pool exists already, which nothing before this line makes.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    }
    let cancel = match check_cpu().flag("DIPH_CPU").and_then(|()| Cancel::on_ctrl_c()) {
        Ok(cancel) => cancel,
        Err(error) => return output.fail(&error).into(),
    };
    let context = Context {
        output,
        cancel,
        plugin_dirs: cli.global.plugin_dirs,
        threads: cli.global.threads,
        hashes: FileHashes::default(),
        memory: MemoryBudget { limit: cli.global.max_memory },
    };
    match dispatch(&context, &cli.command) {
        Ok(()) => Exit::Success.into(),
        Err(error) => context.output.fail(&error).into(),
    }
}

fn dispatch(context: &Context, command: &Command) -> Result<(), AppError> {
    match command {
        Command::Demo(args) => args.run(context),
        Command::Simulate(args) => args.run(context),
        Command::Dictionary(args) => args.run(context),
        Command::Recon(args) => args.run(context),
        Command::Train(args) => args.run(context),
        Command::Evaluate(args) => args.run(context),
        Command::Parity(args) => args.run(context),
        Command::Plugin(args) => args.run(context),
        Command::Convert(args) => args.run(context),
        Command::Completions(args) => args.run(),
    }
}
