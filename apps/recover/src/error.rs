//! Why an acquisition could not be recovered.

use diph_datasets::SliceId;

/// Result of recovering an acquisition.
pub type Result<T> = std::result::Result<T, RecoverError>;

/// Why an acquisition could not be recovered: what was expected and what came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoverError {
    /// A file of the data folder cannot be read, or does not hold what it should.
    #[error(transparent)]
    Dataset(#[from] diph_datasets::Error),
    /// No slice has all that is needed.
    #[error(
        "{folder}: no slice with k-space, reference TSMI and maps for cut {cut}; expected files in `synthesized_ksp/`, \
         `reference_tsmi/` and `qmaps/`"
    )]
    NoSlices {
        /// The data folder.
        folder: String,
        /// The cut that was asked for.
        cut: usize,
    },
    /// A slice does not fit the others, or the method.
    #[error("{slice}: {role}: expected {expected}, got {got}")]
    Slice {
        /// Which slice.
        slice: SliceId,
        /// What array, with its axes.
        role: &'static str,
        /// What would fit.
        expected: String,
        /// What came.
        got: String,
    },
    /// The measurement does not determine what is asked for.
    #[error("{step}: {reason}; more slices may help")]
    Undetermined {
        /// The step that failed.
        step: &'static str,
        /// What is missing.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}
