//! An array of any element type.

use std::fmt;

use ndarray::ArrayD;
use num_complex::{Complex32, Complex64};

/// An array of any element type and number of axes, in C order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum AnyArray {
    /// Truth values, such as masks.
    Bool(ArrayD<bool>),
    /// Signed integers of any width.
    Int(ArrayD<i64>),
    /// Unsigned integers of any width.
    UInt(ArrayD<u64>),
    /// Real numbers in single precision.
    F32(ArrayD<f32>),
    /// Real numbers in double precision.
    F64(ArrayD<f64>),
    /// Complex numbers in single precision (numpy's complex64).
    Complex32(ArrayD<Complex32>),
    /// Complex numbers in double precision (numpy's complex128).
    Complex64(ArrayD<Complex64>),
    /// Strings of characters, such as names of parameters.
    Text(ArrayD<String>),
}

impl AnyArray {
    /// Axis lengths, slowest first.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Bool(array) => array.shape(),
            Self::Int(array) => array.shape(),
            Self::UInt(array) => array.shape(),
            Self::F32(array) => array.shape(),
            Self::F64(array) => array.shape(),
            Self::Complex32(array) => array.shape(),
            Self::Complex64(array) => array.shape(),
            Self::Text(array) => array.shape(),
        }
    }

    /// Name of the element type, as numpy says it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Int(_) => "integer",
            Self::UInt(_) => "unsigned integer",
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
            Self::Complex32(_) => "complex64",
            Self::Complex64(_) => "complex128",
            Self::Text(_) => "text",
        }
    }
}

impl fmt::Display for AnyArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape() {
            [] => write!(f, "{} scalar", self.kind()),
            shape => write!(f, "{} {shape:?}", self.kind()),
        }
    }
}
