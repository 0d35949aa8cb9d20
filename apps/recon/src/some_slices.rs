//! Slices that failed while others were finished.

use serde::{Deserialize, Serialize};

/// A slice that failed, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedSlice {
    /// Name of the method, and what was set of it where that varies.
    pub method: String,
    /// The slice, as `vol0_slice5`.
    pub slice: String,
    /// What it failed with.
    pub reason: String,
}

/// Slices that failed while others were finished.
#[derive(Clone, Debug, Default, thiserror::Error)]
#[error("{}", words(failed, *finished))]
pub struct SomeSlices {
    /// Number of slices that are finished.
    pub finished: usize,
    /// Those that failed.
    pub failed: Vec<FailedSlice>,
}

impl SomeSlices {
    /// Fails where slices failed: the same command tries them again.
    ///
    /// # Errors
    /// Itself.
    pub fn check(self) -> Result<(), Self> {
        match self.failed.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }
}

fn words(failed: &[FailedSlice], finished: usize) -> String {
    let names: Vec<String> = failed.iter().map(|slice| format!("{} {}", slice.method, slice.slice)).collect();
    let others = if finished > 0 { "; the others are finished" } else { "" };
    let first = failed.first().map_or("nothing", |slice| &slice.reason);
    let all = failed.len() + finished;
    format!("{} of {all} slices failed ({}){others}. The first failed with: {first}", failed.len(), names.join(", "))
}
