//! The command line: what can be asked for.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    CalibrateArgs, CoilsArgs, CompareArgs, CompletionsArgs, ConvertArgs, DEFAULT_LOCK, DemoArgs, DictionaryArgs,
    EvaluateArgs, ExportArgs, InfoArgs, ParityArgs, PluginArgs, ReconArgs, RecoverAcquisitionArgs, SimulateArgs,
    SweepArgs, TrainArgs,
};

/// Quantitative MRI reconstruction with interchangeable physics and priors.
#[derive(Debug, Parser)]
#[command(name = "diph", version, propagate_version = true)]
pub struct Cli {
    /// Options that every command takes.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
pub struct GlobalArgs {
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Print what plugins say of their work, too: their messages and their progress
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Print the result as JSON on standard output, for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// Look for plugins here first (may be given several times)
    #[arg(long = "plugin-dir", value_name = "DIR", global = true)]
    pub plugin_dirs: Vec<PathBuf>,
    /// Open plugins that others could have written or changed, too: of another owner, or writable for everybody
    #[arg(long, global = true)]
    pub allow_untrusted_plugins: bool,
    /// Open only plugins that this file of `diph plugin lock` lists, unchanged; any other ends the command before its code runs
    #[arg(long, value_name = "FILE", global = true, num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_LOCK)]
    pub locked: Option<PathBuf>,
    /// Threads to compute with (default: all cores)
    #[arg(long, value_name = "N", global = true)]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Memory that all commands but parity, plugin and recover-acquisition plan for, for example 6GiB (default: what is
    /// free); what needs more is refused before it starts
    #[arg(long, value_name = "SIZE", global = true)]
    pub max_memory: Option<diph_core::ByteSize>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reconstruct an embedded brain phantom with every method and write a report
    Demo(DemoArgs),
    /// Make reference images, masks and k-space from maps or from a phantom
    Simulate(SimulateArgs),
    /// Simulate a dictionary of fingerprints
    Dictionary(DictionaryArgs),
    /// Reconstruct T1, T2 and PD maps from k-space
    Recon(ReconArgs),
    /// Estimate the sensitivities of receive coils and write them to a file
    Coils(CoilsArgs),
    /// Compare methods over the same slices: tables, intervals and figures
    ///
    /// Every method has a folder below --out, an ordinary result of `diph recon`. Results that are there already, of the same
    /// method, measurement, seed and version, are not made again, so that the command goes on where it was interrupted.
    Compare(CompareArgs),
    /// Fit the deviations of posterior samples to the errors that they go with, on slices of known truth
    ///
    /// Every method has a folder below --out with `calibration.json`, `method.json` that holds it, tables and plots of the reliability, and
    /// the results that it was fitted to. Results that are there already are not made again. Name the method file in `recon` or
    /// `compare` to have deviations that are calibrated, and judge them on other volumes.
    Calibrate(CalibrateArgs),
    /// Run methods over ranges of settings: tables and curves
    ///
    /// Every method has a folder below --out with one folder for every point, an ordinary result of `diph recon`. Results that
    /// are there already are not made again. Judge a setting on other volumes than those that a sweep chose it on.
    Sweep(SweepArgs),
    /// Train a diffusion prior on maps, images or procedural brains
    Train(TrainArgs),
    /// Compare results with reference maps
    Evaluate(EvaluateArgs),
    /// Write maps as NIfTI files in a BIDS data set, for FSLeyes, ITK-SNAP, nibabel
    Export(ExportArgs),
    /// Recover trajectory and dictionary from k-space, maps and images that were published without them
    RecoverAcquisition(RecoverAcquisitionArgs),
    /// Compare with recorded outputs of the Python MRF-DiPh code, stage by stage
    Parity(ParityArgs),
    /// List, describe, check and lock plugins, and begin one of your own
    Plugin(PluginArgs),
    /// Say what a file is, what a reconstruction needs beside it, and the command to go on with
    Info(InfoArgs),
    /// Convert trajectories, dictionaries and results between file formats
    Convert(ConvertArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
}

impl Command {
    /// Whether it runs code of plugins in its own process. `plugin check` and `--isolate` have processes of their own for that.
    pub fn opens_plugins(&self) -> bool {
        match self {
            Self::Calibrate(args) => !args.measurement.isolate,
            Self::Compare(args) => !args.measurement.isolate,
            Self::Recon(args) => !args.measurement.isolate,
            Self::Sweep(args) => !args.measurement.isolate,
            Self::Demo(_) | Self::Parity(_) | Self::Simulate(_) | Self::Train(_) => true,
            Self::Plugin(args) => args.opens_plugins(),
            Self::Coils(_)
            | Self::Completions(_)
            | Self::Convert(_)
            | Self::Dictionary(_)
            | Self::Evaluate(_)
            | Self::Export(_)
            | Self::Info(_)
            | Self::RecoverAcquisition(_) => false,
        }
    }
}
