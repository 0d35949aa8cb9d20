//! What can go wrong with schedules, training and the prior.

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, what was expected, what came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A fault of a setting, a network or a checkpoint.
    #[error(transparent)]
    Network(#[from] diph_network::Error),
    /// A training image could not be made.
    #[error("training image {number}: {source}")]
    Sample {
        /// Number of the image.
        number: u64,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Training went astray: a loss or the gradient is not a finite number.
    #[error(
        "training step {step}: the {quantity} is {value}; train from the last state with a lower learning rate or a gradient clip, and look at the images if it stays"
    )]
    Diverged {
        /// Number of the step.
        step: u64,
        /// What is not finite.
        quantity: String,
        /// What it is.
        value: f64,
    },
}

impl Error {
    pub(crate) fn setting(setting: impl Into<String>, expected: impl Into<String>, got: impl ToString) -> Self {
        diph_network::Error::setting(setting, expected, got).into()
    }

    /// The error of a [`SampleSource`](crate::SampleSource).
    pub fn sample(number: u64, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Sample { number, source: source.into() }
    }

    /// The same fault with the file that it was found in.
    pub(crate) fn in_file(self, path: impl Into<std::path::PathBuf>) -> Self {
        match self {
            Self::Network(fault) => Self::Network(fault.in_file(path)),
            other => other,
        }
    }
}

/// The error of a [`Prior`](diph_core::Prior).
impl From<Error> for diph_core::Error {
    fn from(error: Error) -> Self {
        Self::external("diffusion prior", error)
    }
}
