//! A command that cannot fit.

use diph_core::{ByteSize, MemoryEstimate};

/// A command that cannot fit into memory: what it would need, what there is, and what to do.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{work} would need about {estimate}, and {available} are available; {advice}")]
pub struct NotEnoughMemory {
    /// What was to be done.
    pub work: String,
    /// What it would need, in parts.
    pub estimate: MemoryEstimate,
    /// What there is.
    pub available: ByteSize,
    /// What makes it smaller.
    pub advice: String,
}
