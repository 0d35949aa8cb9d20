//! The `diph` command line: flags, printing, progress bars and exit codes.
//!
//! What is computed is in the libraries below: `diph-recon`, `diph-render`, `diph-train` and `diph-parity`.

#![deny(unsafe_code)]

mod cli;
mod commands;
mod context;
mod launch;
pub mod output;
mod results_table;
mod study_output;
mod supervision;

use std::num::NonZero;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use diph_network::check_cpu;
use diph_recon::Blame;
use diph_recon::memory::MemoryBudget;
use diph_recon::provenance::FileHashes;

use cli::{Cli, Command};
pub(crate) use context::Context;
pub use launch::Launch;
use output::{AppError, BlameFlag, Exit, Mode, Output, cancel_on_ctrl_c};
use supervision::{Supervised, supervise};

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Launch::of_this_process().step("finding this program, to start it again") {
        Ok(launch) => run_as(launch).into(),
        Err(error) => Output::new(Mode::from_flags(false, false)).fail(&error.into()).into(),
    }
}

/// Runs a command line, and gives the code to end the process with. A command line that makes no sense, and one that asks for help or
/// the version, ends the process itself.
pub fn run_as(launch: Launch) -> u8 {
    let cli = Cli::parse_from(launch.typed());
    let output = Output::new(Mode::from_flags(cli.global.quiet, cli.global.json));
    if cli.command.opens_plugins() {
        match supervise(&launch, &cli.global.plugin_dirs) {
            Ok(None) => {}
            Ok(Some(code)) => return code,
            Err(error) => return output.fail(&error) as u8,
        }
    }
    let supervised = match Supervised::begin() {
        Ok(supervised) => supervised,
        Err(error) => return output.fail(&error) as u8,
    };
    let threads = cli.global.threads.map(|asked| bounded(asked, &output));
    if let Some(threads) = threads {
        // Fails only when the pool exists already, which nothing before this line makes.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    }
    #[cfg(unix)]
    if let Err(error) = outlive_file_limits() {
        return output.fail(&error) as u8;
    }
    let only_reads = matches!(cli.command, Command::Info(_));
    let cancel = match check_cpu().flag("DIPH_CPU").and_then(|()| cancel_on_ctrl_c(only_reads)) {
        Ok(cancel) => cancel,
        Err(error) => return output.fail(&error) as u8,
    };
    let context = Context {
        output,
        cancel,
        plugin_dirs: cli.global.plugin_dirs,
        allow_untrusted_plugins: cli.global.allow_untrusted_plugins,
        locked: cli.global.locked,
        threads,
        verbose: cli.global.verbose,
        hashes: FileHashes::default(),
        memory: MemoryBudget { limit: cli.global.max_memory },
        command_line: launch.recorded(),
        launch,
    };
    let code = match dispatch(&context, &cli.command) {
        Ok(()) => Exit::Success as u8,
        Err(error) => context.output.fail(&error) as u8,
    };
    if let Some(supervised) = supervised {
        supervised.end();
    }
    code
}

/// A file beyond the limit of the process (`ulimit -f`) is an error of the write that names it, and not the end of the program: any
/// handler in the place of the system's does that.
///
/// # Errors
/// When no handler can be installed.
#[cfg(unix)]
fn outlive_file_limits() -> Result<(), AppError> {
    let signal = signal_hook::consts::SIGXFSZ;
    signal_hook::flag::register(signal, std::sync::Arc::default()).step("listening for limits of files")?;
    Ok(())
}

/// At most as many threads as the machine runs at once: more would wait for each other, and take the machine from everybody.
fn bounded(asked: NonZero<usize>, output: &Output) -> NonZero<usize> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    if asked > cores {
        output.warn(format_args!("--threads {asked}: this machine runs {cores} at once; taking {cores}"));
    }
    asked.min(cores)
}

fn dispatch(context: &Context, command: &Command) -> Result<(), AppError> {
    match command {
        Command::Demo(args) => args.run(context),
        Command::Simulate(args) => args.run(context),
        Command::Dictionary(args) => args.run(context),
        Command::Recon(args) => args.run(context),
        Command::Coils(args) => args.run(context),
        Command::Compare(args) => args.run(context),
        Command::Calibrate(args) => args.run(context),
        Command::Sweep(args) => args.run(context),
        Command::Train(args) => args.run(context),
        Command::Evaluate(args) => args.run(context),
        Command::Export(args) => args.run(context),
        Command::Info(args) => args.run(context),
        Command::RecoverAcquisition(args) => args.run(context),
        Command::Parity(args) => args.run(context),
        Command::Plugin(args) => args.run(context),
        Command::Convert(args) => args.run(context),
        Command::Completions(args) => args.run(Cli::command()),
    }
}
