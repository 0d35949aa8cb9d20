//! The typed error of every computation.

/// Result of a computation in Diph.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: the operation, what it expected, what came, and where it helps, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An array has other axes than the operation is made for.
    #[error("{operation}: expected {role} {expected:?}, got {got:?}")]
    Shape {
        /// Component and method, for example `mrf-nufft: forward`.
        operation: String,
        /// What the array stands for, for example `image`.
        role: String,
        /// Axis lengths that the operation is made for.
        expected: Vec<usize>,
        /// Axis lengths of the array that came.
        got: Vec<usize>,
    },
    /// An array is not C-contiguous.
    #[error("{operation}: {role} must be C-contiguous; pass `as_standard_layout()` of the view")]
    NotContiguous {
        /// Component and method that refused, such as `mrf-nufft: forward`.
        operation: String,
        /// What the array stands for.
        role: String,
    },
    /// Two parts that were put together do not fit.
    #[error("{operation}: expected {expected}, got {got}")]
    Incompatible {
        /// What was being put together.
        operation: String,
        /// The space or object that would fit.
        expected: String,
        /// The space or object that came.
        got: String,
    },
    /// A parameter lies outside of its range.
    #[error("{operation}: {parameter}: expected {expected}, got {got}")]
    Parameter {
        /// Component and method that refused, such as `mrf-nufft: forward`.
        operation: String,
        /// Name of the parameter, as its owner spells it.
        parameter: String,
        /// What the parameter may be.
        expected: String,
        /// The value that came.
        got: String,
    },
    /// A NaN or an infinity where only finite numbers make sense.
    #[error("{operation}: {role} holds a value that is not finite (first at flat index {index})")]
    NotFinite {
        /// Component and method that refused, such as `mrf-nufft: forward`.
        operation: String,
        /// What the array stands for.
        role: String,
        /// Flat index of the first such value.
        index: usize,
    },
    /// A part that this crate does not know (a plugin, a file) failed.
    #[error("{component}: {message}")]
    External {
        /// Name of the part that failed.
        component: String,
        /// The message of that part.
        message: String,
    },
    /// The user asked to stop.
    #[error("{operation}: cancelled")]
    Cancelled {
        /// Component and method that refused, such as `mrf-nufft: forward`.
        operation: String,
    },
}

impl Error {
    /// A parameter outside of its range.
    pub fn parameter(
        operation: impl Into<String>,
        parameter: impl Into<String>,
        expected: impl Into<String>,
        got: impl ToString,
    ) -> Self {
        Self::Parameter {
            operation: operation.into(),
            parameter: parameter.into(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }

    /// Two parts that do not fit together.
    pub fn incompatible(operation: impl Into<String>, expected: impl ToString, got: impl ToString) -> Self {
        Self::Incompatible { operation: operation.into(), expected: expected.to_string(), got: got.to_string() }
    }

    /// A failure of a part outside of this crate.
    pub fn external(component: impl Into<String>, message: impl ToString) -> Self {
        Self::External { component: component.into(), message: message.to_string() }
    }
}
