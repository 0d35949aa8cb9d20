//! How time and memory grow with the size of a problem.
//!
//! ```text
//! cargo run --release --package diph-benches --example scaling             # rewrites docs/scaling.{md,svg,json}
//! cargo run --release --package diph-benches --example scaling -- --quick  # a few small cases, printed only
//! ```
//!
//! Every case runs in a process of its own, so that its peak memory is its own. Each axis varies alone around [`Case::BASE`].

mod axis;
mod case;
mod chart;
mod document;
mod growth;
mod measurement;
mod network;
mod operator;
mod tables;
mod tissue;
mod work;

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode};

use axis::Axis;
use case::Case;
use measurement::Measurement;
use work::Work;

// The allocator of Diph's executables.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a process takes in the smallest case whatever it does.
const THREADS_AND_ALLOCATOR: u64 = 20 << 20;

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["--case", case] => {
            println!("{}", serde_json::to_string(&measure_here(serde_json::from_str(case)?)?)?);
            Ok(())
        }
        ["--quick"] => {
            println!("{}", tables::markdown(&measure_all(true)?));
            Ok(())
        }
        [] => {
            let measured = measure_all(false)?;
            println!("{}", tables::markdown(&measured));
            document::write(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")), &measured)
        }
        _ => Err("expected nothing, or --quick".into()),
    }
}

/// Every axis with every work that depends on it. The base case belongs to all axes and is measured once.
fn measure_all(quick: bool) -> Result<Vec<Measurement>> {
    let mut cases: Vec<Case> = Vec::new();
    for axis in Axis::ALL {
        for work in Work::ALL.into_iter().filter(|work| work.depends_on(axis)) {
            for value in axis.values(quick) {
                let case = axis.set(Case { work, ..Case::BASE }, value);
                if !cases.contains(&case) {
                    cases.push(case);
                }
            }
        }
    }
    let mut measured = Vec::with_capacity(cases.len());
    for (index, case) in cases.iter().enumerate() {
        eprintln!("{}/{}: {case}", index + 1, cases.len());
        measured.push(measure_in_child(*case)?);
    }
    Ok(measured)
}

fn measure_in_child(case: Case) -> Result<Measurement> {
    let output = Command::new(std::env::current_exe()?).args(["--case", &serde_json::to_string(&case)?]).output()?;
    if !output.status.success() {
        return Err(format!("{case}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn measure_here(case: Case) -> Result<Measurement> {
    rayon::ThreadPoolBuilder::new().num_threads(case.threads).build_global()?;
    let before = measurement::peak_bytes();
    let (seconds, estimate) = match case.work {
        Work::Operator => operator::measure(&case)?,
        Work::Matching => tissue::measure_matching(&case)?,
        Work::Dictionary => tissue::measure_dictionary(&case)?,
        Work::Network => network::measure(&case)?,
    };
    Ok(Measurement {
        case,
        seconds,
        peak_bytes: measurement::peak_bytes().saturating_sub(before),
        estimate_bytes: estimate.kept("threads and allocator", THREADS_AND_ALLOCATOR).peak(),
    })
}
