//! The command line: what can be asked for.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    CompletionsArgs, ConvertArgs, DemoArgs, DictionaryArgs, EvaluateArgs, ParityArgs, PluginArgs, ReconArgs,
    SimulateArgs, TrainArgs,
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
    /// Print the result as JSON on standard output, for machines
    #[arg(long, global = true)]
    pub json: bool,
    /// Look for plugins here first (may be given several times)
    #[arg(long = "plugin-dir", value_name = "DIR", global = true)]
    pub plugin_dirs: Vec<PathBuf>,
    /// Threads to compute with (default: all cores)
    #[arg(long, value_name = "N", global = true)]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Memory that all commands but parity and plugin plan for, for example 6GiB (default: what is free); what needs more is
    /// refused before it starts
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
    /// Train a diffusion prior on maps, images or procedural brains
    Train(TrainArgs),
    /// Compare results with reference maps
    Evaluate(EvaluateArgs),
    /// Compare with recorded outputs of the Python MRF-DiPh code, stage by stage
    Parity(ParityArgs),
    /// List, describe and check plugins
    Plugin(PluginArgs),
    /// Convert trajectories, dictionaries and results between file formats
    Convert(ConvertArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
}
