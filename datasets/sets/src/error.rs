//! What can go wrong with data sets, phantoms and noise.

use std::path::PathBuf;

/// Result of finding or making data.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong with a data set, a phantom or noise: what was expected and what came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the data set cannot be read or written, or does not hold what it should.
    #[error(transparent)]
    File(#[from] diph_formats::Error),
    /// A simulation into the folder was stopped, so that its files may not belong together.
    #[error("{}: a simulation into this folder did not get to its end; run it again", root.display())]
    Unfinished {
        /// The data folder.
        root: PathBuf,
    },
    /// Two files of the data set hold the same thing, and nothing says which of them counts.
    #[error("{} and {} both hold the {content}; remove one of them, or name the one to take", first.display(), second.display())]
    Ambiguous {
        /// What both hold.
        content: &'static str,
        /// The one in the Python code's form.
        first: PathBuf,
        /// The one in Diph's form.
        second: PathBuf,
    },
    /// A mask selects no voxel, so that no error could be measured with it.
    #[error("{origin}: the mask is empty: {reason}")]
    EmptyMask {
        /// The file of the mask or of the maps that it was computed from.
        origin: String,
        /// Why it is empty.
        reason: String,
    },
    /// An option outside of its range.
    #[error("{operation}: {parameter}: expected {expected}, got {got}")]
    Parameter {
        /// The function that refused.
        operation: &'static str,
        /// Name of the option.
        parameter: &'static str,
        /// Values that the option may have.
        expected: String,
        /// The value that the option had.
        got: String,
    },
    /// Files in the conventions of another program, of which something is not known or was said wrongly.
    #[error("{setting}: {problem}")]
    Convention {
        /// The setting that says it, for example `kspace_axes` or `trajectory_unit`.
        setting: &'static str,
        /// What was expected and what came.
        problem: String,
    },
    /// Arrays in memory that do not fit together.
    #[error("{operation}: {role}: expected shape {expected:?}, got {got:?}")]
    Shape {
        /// The function that refused.
        operation: &'static str,
        /// What the array stands for, with its axes.
        role: &'static str,
        /// Axis lengths that would fit.
        expected: Vec<usize>,
        /// Axis lengths that came.
        got: Vec<usize>,
    },
}
