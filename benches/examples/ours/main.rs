//! Diph's side of the comparison with other software, see `benches/peers`.
//!
//! `ours WORK FOLDER OPTIONS` sets the work up, writes the problem into FOLDER for the other side to read, and answers
//! `{"ready": true}`. Then it obeys one command a line on standard input: `run` does the work once and answers
//! `{"seconds": ..}`; `write` writes what the last run computed to `FOLDER/ours.npz` and answers `{}`. It stays alive
//! between runs so that both sides can take turns, and ends with its input.

mod epg;
mod matching;
mod nufft;
mod unet_forward;
mod unet_training;
mod weights;

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde_json::json;

// The allocator of Diph's executables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Something to time. Whoever makes one writes the problem that it is about to solve.
trait Work {
    /// Does the work once; nothing else is timed.
    fn run(&mut self) -> Result;

    /// Writes what the last run computed.
    fn write(&self, path: &Path) -> Result;
}

fn main() -> ExitCode {
    match obey() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn obey() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [work, folder, options] = arguments.as_slice() else {
        return Err("expected three arguments: WORK FOLDER OPTIONS".into());
    };
    let folder = PathBuf::from(folder);
    let mut work = create(work, &folder, options)?;
    answer(&json!({ "ready": true }))?;
    for line in std::io::stdin().lock().lines() {
        match line?.trim() {
            "run" => {
                let begin = Instant::now();
                work.run()?;
                answer(&json!({ "seconds": begin.elapsed().as_secs_f64() }))?;
            }
            "write" => {
                work.write(&folder.join("ours.npz"))?;
                answer(&json!({}))?;
            }
            other => return Err(format!("expected the command `run` or `write`, got `{other}`").into()),
        }
    }
    Ok(())
}

fn create(work: &str, folder: &Path, options: &str) -> Result<Box<dyn Work>> {
    Ok(match work {
        "nufft" => Box::new(nufft::Transform::new(folder, parsed(options)?)?),
        "matching" => Box::new(matching::Matching::new(folder, parsed(options)?)?),
        "epg" => Box::new(epg::Simulation::new(folder, parsed(options)?)?),
        "unet-forward" => Box::new(unet_forward::Forward::new(folder, parsed(options)?)?),
        "unet-training" => Box::new(unet_training::Training::new(folder, parsed(options)?)?),
        other => return Err(format!("there is no work `{other}`").into()),
    })
}

fn parsed<T: DeserializeOwned>(options: &str) -> Result<T> {
    Ok(serde_json::from_str(options)?)
}

fn answer(value: &serde_json::Value) -> Result {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}
