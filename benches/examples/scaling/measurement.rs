//! What a case took.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::case::Case;

/// Runs of a quick step take this long together.
const SECONDS: f64 = 0.6;
const FEWEST: usize = 3;
const MOST: usize = 50;

/// What a case took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    pub case: Case,
    /// Median seconds of every step.
    pub seconds: Vec<(String, f64)>,
    /// Peak of the resident memory, above what the process had before it began.
    pub peak_bytes: u64,
    /// What Diph says beforehand.
    pub estimate_bytes: u64,
}

/// Median time of several runs, after one that is not counted.
pub fn median(mut run: impl FnMut() -> Result) -> Result<f64> {
    run()?;
    let (mut times, mut total) = (Vec::new(), 0.0);
    while times.len() < FEWEST || (total < SECONDS && times.len() < MOST) {
        times.push(once(&mut run)?);
        total += times[times.len() - 1];
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Time of one run.
pub fn once(run: impl FnOnce() -> Result) -> Result<f64> {
    let begin = Instant::now();
    run()?;
    Ok(begin.elapsed().as_secs_f64())
}

/// Peak of this process's resident memory; 0 where the system does not say.
pub fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}
