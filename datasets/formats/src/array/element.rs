//! What an array of a file can be read as.

use ndarray::ArrayD;
use num_complex::{Complex32, Complex64};

use crate::AnyArray;

/// A type that arrays of files can be read as, with the conversions that keep the meaning: other precisions, integers
/// as real numbers, real numbers as complex ones. Complex numbers never become real.
pub trait Element: Clone + Sized {
    /// What the type is called in messages.
    const KIND: &'static str;

    /// The array with this element type; gives it back unchanged where its kind does not convert.
    ///
    /// # Errors
    /// The array itself, unchanged, when no conversion from its kind to this type keeps the meaning.
    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray>;

    /// Whether the value is neither NaN nor infinite. Values of types without such numbers are always finite.
    fn is_finite(&self) -> bool;
}

impl Element for f32 {
    const KIND: &'static str = "real";

    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray> {
        match array {
            AnyArray::F32(array) => Ok(array),
            AnyArray::F64(array) => Ok(array.mapv(|value| value as f32)),
            AnyArray::Int(array) => Ok(array.mapv(|value| value as f32)),
            AnyArray::UInt(array) => Ok(array.mapv(|value| value as f32)),
            other => Err(other),
        }
    }

    fn is_finite(&self) -> bool {
        f32::is_finite(*self)
    }
}

impl Element for f64 {
    const KIND: &'static str = "real";

    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray> {
        match array {
            AnyArray::F32(array) => Ok(array.mapv(f64::from)),
            AnyArray::F64(array) => Ok(array),
            AnyArray::Int(array) => Ok(array.mapv(|value| value as f64)),
            AnyArray::UInt(array) => Ok(array.mapv(|value| value as f64)),
            other => Err(other),
        }
    }

    fn is_finite(&self) -> bool {
        f64::is_finite(*self)
    }
}

impl Element for Complex32 {
    const KIND: &'static str = "complex";

    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray> {
        match array {
            AnyArray::Complex32(array) => Ok(array),
            AnyArray::Complex64(array) => Ok(array.mapv(|value| Complex32::new(value.re as f32, value.im as f32))),
            real => f32::convert(real).map(|array| array.mapv(Complex32::from)),
        }
    }

    fn is_finite(&self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
}

impl Element for Complex64 {
    const KIND: &'static str = "complex";

    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray> {
        match array {
            AnyArray::Complex32(array) => Ok(array.mapv(|value| Complex64::new(value.re.into(), value.im.into()))),
            AnyArray::Complex64(array) => Ok(array),
            real => f64::convert(real).map(|array| array.mapv(Complex64::from)),
        }
    }

    fn is_finite(&self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
}

impl Element for bool {
    const KIND: &'static str = "bool";

    /// Masks are often saved as numbers; everything but zero is inside, and NaN, by which other programs mark what does not
    /// count, is outside.
    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray> {
        match array {
            AnyArray::Bool(array) => Ok(array),
            number => f64::convert(number).map(|array| array.mapv(|value| value != 0.0 && !value.is_nan())),
        }
    }

    fn is_finite(&self) -> bool {
        true
    }
}

impl Element for i64 {
    const KIND: &'static str = "integer";

    /// MATLAB keeps whole numbers as doubles, so those convert where every value is whole.
    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match array {
            AnyArray::Int(array) => Ok(array),
            AnyArray::UInt(array) if array.iter().all(|value| i64::try_from(*value).is_ok()) => {
                Ok(array.mapv(|value| value as i64))
            }
            AnyArray::F64(array) if array.iter().all(|value| value.fract() == 0.0 && value.abs() <= EXACT) => {
                Ok(array.mapv(|value| value as i64))
            }
            other => Err(other),
        }
    }

    fn is_finite(&self) -> bool {
        true
    }
}

impl Element for String {
    const KIND: &'static str = "text";

    fn convert(array: AnyArray) -> Result<ArrayD<Self>, AnyArray> {
        match array {
            AnyArray::Text(array) => Ok(array),
            other => Err(other),
        }
    }

    fn is_finite(&self) -> bool {
        true
    }
}
