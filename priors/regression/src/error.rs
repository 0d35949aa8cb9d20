//! What can go wrong while a regression network is trained.

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, what was expected, what came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting, a file, a shape or the network itself.
    #[error(transparent)]
    Network(#[from] diph_network::Error),
    /// A training sample could not be made, or does not fit the network.
    #[error("training sample {number}: {source}")]
    Sample {
        /// Number of the sample.
        number: u64,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Training went astray: a loss or the gradient is not a finite number.
    #[error(
        "training step {step}: the {quantity} is {value}; train from the last state with a lower learning rate, and look at the samples if it stays"
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
    /// The error of a [`SampleSource`](crate::SampleSource).
    pub fn sample(number: u64, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Sample { number, source: source.into() }
    }

    pub(crate) fn setting(setting: impl Into<String>, expected: impl ToString, got: impl ToString) -> Self {
        diph_network::Error::setting(setting, expected.to_string(), got).into()
    }
}
