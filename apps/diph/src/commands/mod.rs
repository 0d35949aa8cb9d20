//! One module for each command: its arguments and what it does.

mod calibrate;
mod coil_args;
mod coils;
mod compare;
mod completions;
mod convert;
mod demo;
mod dictionary;
mod evaluate;
mod export;
mod image_size;
mod info;
mod measured_files;
mod measurement;
mod parity;
mod plugin;
mod recon;
mod recover_acquisition;
mod simulate;
mod sweep;
mod train;
mod values;

use std::path::Path;
use std::time::Duration;

use diph_core::MemoryEstimate;
use serde_json::{Value, json};

use crate::Context;
use crate::output::AppError;

pub use calibrate::CalibrateArgs;
pub use coil_args::CoilArgs;
pub use coils::CoilsArgs;
pub use compare::CompareArgs;
pub use completions::CompletionsArgs;
pub use convert::ConvertArgs;
pub use demo::DemoArgs;
pub use dictionary::DictionaryArgs;
pub use evaluate::EvaluateArgs;
pub use export::ExportArgs;
pub use image_size::{ImageSize, parse_image};
pub use info::InfoArgs;
pub use measured_files::MeasuredFilesArgs;
pub use measurement::{MeasurementArgs, Work};
pub use parity::ParityArgs;
pub use plugin::{DEFAULT_LOCK, PluginArgs};
pub use recon::ReconArgs;
pub use recover_acquisition::RecoverAcquisitionArgs;
pub use simulate::SimulateArgs;
pub use sweep::SweepArgs;
pub use train::TrainArgs;
pub use values::Values;

/// A number of slices in words.
fn counted(slices: usize) -> String {
    match slices {
        1 => "1 slice".into(),
        more => format!("{more} slices"),
    }
}

/// A path for JSON, which holds text only: what is no text in it is replaced.
fn lossy(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The result of a dry run.
fn print_estimate(context: &Context, estimate: &MemoryEstimate) -> Result<(), AppError> {
    let parts: Vec<Value> =
        estimate.largest_parts().iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect();
    let result = json!({ "memory_estimate_bytes": estimate.peak(), "parts": parts });
    context.output.result(&result, || format!("memory about {estimate}"))
}

/// A subspace has at least one coefficient and at most as many as there are frames.
fn check_coefficients(coefficients: usize, frames: usize) -> Result<(), AppError> {
    match (1..=frames).contains(&coefficients) {
        true => Ok(()),
        false => {
            let message = format!("expected 1 to {frames}, the number of frames, got {coefficients}");
            Err(AppError::usage("--coefficients", message))
        }
    }
}

/// Reads the number of a cut: 0 to 4 for the first 1000, 500, 300, 200 or 100 frames.
fn parse_cut(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(cut) if cut < diph_bloch::Sequence::CUTS.len() => Ok(cut),
        _ => Err("expected 0, 1, 2, 3 or 4 for 1000, 500, 300, 200 or 100 frames".into()),
    }
}

/// A time from the command line, in seconds.
///
/// # Errors
/// In words, when it is no positive number.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|time| !time.is_zero()).ok_or_else(|| format!("expected a positive number of seconds, got `{text}`"))
}
