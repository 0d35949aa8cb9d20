//! What can go wrong with networks and checkpoints.

use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, what was expected, what came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside of its range.
    #[error("{setting}: expected {expected}, got {got}")]
    Setting {
        /// Name of the setting.
        setting: String,
        /// What is allowed.
        expected: String,
        /// What came.
        got: String,
    },
    /// A tensor of the architecture is not there.
    #[error("tensor `{tensor}` of shape {expected:?} is missing; the weights belong to another architecture")]
    MissingTensor {
        /// Name in the state dict.
        tensor: String,
        /// Shape that the architecture wants.
        expected: Vec<usize>,
    },
    /// A tensor that the architecture does not have.
    #[error(
        "tensor `{tensor}` of shape {shape:?} has no place in the architecture ({count} such tensors); the weights belong to another one"
    )]
    ExtraTensor {
        /// Name in the state dict.
        tensor: String,
        /// Its shape.
        shape: Vec<usize>,
        /// How many there are.
        count: usize,
    },
    /// A tensor of another shape.
    #[error("tensor `{tensor}`: expected shape {expected:?}, got {got:?}")]
    TensorShape {
        /// Name in the state dict.
        tensor: String,
        /// Shape that the architecture wants.
        expected: Vec<usize>,
        /// Shape that came.
        got: Vec<usize>,
    },
    /// A tensor of a type that weights do not have.
    #[error("tensor `{tensor}`: expected f32, f16, bf16 or f64, got {got}")]
    TensorDtype {
        /// Name in the state dict.
        tensor: String,
        /// Type that came.
        got: String,
    },
    /// A weight that is NaN or infinite.
    #[error("tensor `{tensor}` holds a value that is not finite (first at flat index {index})")]
    TensorNotFinite {
        /// Name in the state dict.
        tensor: String,
        /// First such value.
        index: usize,
    },
    /// A file that cannot be read or is not what its name says.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file that cannot be written.
    #[error(transparent)]
    Write(#[from] diph_formats::Error),
    /// A fault of the weights in a file.
    #[error("{}: {source}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: Box<Error>,
    },
    /// A failure of what runs a network instead of this crate.
    #[error("{backend}: {message}")]
    Backend {
        /// What runs it.
        backend: String,
        /// What it says.
        message: String,
    },
    /// An operation on values of a shape that it does not take.
    #[error("{operation}: expected {expected}, got {got:?}")]
    Shape {
        /// The operation.
        operation: String,
        /// What it takes.
        expected: String,
        /// What came.
        got: Vec<usize>,
    },
}

impl Error {
    /// A setting, what is expected of it and what came.
    pub fn setting(setting: impl Into<String>, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Setting { setting: setting.into(), expected: expected.into(), got: got.to_string() }
    }

    /// A file and what is wrong with it.
    pub fn file(path: impl Into<PathBuf>, message: impl ToString) -> Self {
        Self::File { path: path.into(), message: message.to_string() }
    }

    /// An operation, what it takes and the lengths that came.
    pub fn shape(operation: impl Into<String>, expected: impl Into<String>, got: &[usize]) -> Self {
        Self::Shape { operation: operation.into(), expected: expected.into(), got: got.to_vec() }
    }

    /// What runs a network and what it says.
    pub fn backend(backend: impl Into<String>, message: impl ToString) -> Self {
        Self::Backend { backend: backend.into(), message: message.to_string() }
    }

    /// The same fault with the file that it was found in.
    pub fn in_file(self, path: impl Into<PathBuf>) -> Self {
        match self {
            Self::File { .. } | Self::Write(_) | Self::Checkpoint { .. } => self,
            fault => Self::Checkpoint { path: path.into(), source: Box::new(fault) },
        }
    }
}
