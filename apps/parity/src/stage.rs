//! One stage of the comparison.

use crate::{Comparison, Reference};
use diph_recon::ReconError;

/// One stage of the comparison: a part of Diph, given what the Python code was given.
pub trait Stage {
    /// Short name for the table.
    fn name(&self) -> String;

    /// Files that the stage cannot do without: names in the folder, in which one `*` stands for anything.
    fn files(&self) -> Vec<String>;

    /// Computes, and compares with the recorded outputs.
    ///
    /// # Errors
    /// Naming the file and the key that cannot be used, or the part that failed.
    fn compare(&self, reference: &Reference<'_>) -> Result<Vec<Comparison>, ReconError>;
}
