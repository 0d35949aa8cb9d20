//! Element types in which a plugin can ask for an array.

use std::slice;

use diph_plugin_abi::Dtype;
use num_complex::{Complex32, Complex64};

use crate::failure::Failure;
use crate::tensors::Checked;

/// An element type in which an [`Acquisition`](crate::Acquisition) gives its arrays: `f32`, `f64` or `Complex32`. Real arrays of any
/// type are converted to each other, and to complex numbers without imaginary part.
pub trait Element: Copy + 'static + sealed::Element {}

impl<T: Copy + 'static + sealed::Element> Element for T {}

pub(crate) mod sealed {
    use super::*;

    /// Conversion from every element type of the interface.
    pub trait Element: Sized {
        /// Name for messages.
        const NAME: &'static str;
        /// From a real number.
        fn real(value: f64) -> Self;
        /// From a complex number, where possible.
        fn complex(value: Complex64) -> Option<Self>;
        /// Neither NaN nor infinite.
        fn finite(self) -> bool;
    }

    impl Element for f32 {
        const NAME: &'static str = "real numbers";
        fn real(value: f64) -> Self {
            value as f32
        }
        fn complex(_: Complex64) -> Option<Self> {
            None
        }
        fn finite(self) -> bool {
            self.is_finite()
        }
    }

    impl Element for f64 {
        const NAME: &'static str = "real numbers";
        fn real(value: f64) -> Self {
            value
        }
        fn complex(_: Complex64) -> Option<Self> {
            None
        }
        fn finite(self) -> bool {
            self.is_finite()
        }
    }

    impl Element for Complex32 {
        const NAME: &'static str = "complex numbers";
        fn real(value: f64) -> Self {
            Self::new(value as f32, 0.0)
        }
        fn complex(value: Complex64) -> Option<Self> {
            Some(Self::new(value.re as f32, value.im as f32))
        }
        fn finite(self) -> bool {
            self.re.is_finite() && self.im.is_finite()
        }
    }
}

/// Copies a tensor of any element type; `Ok(None)` where it cannot be converted to `T`.
///
/// # Safety
/// `tensor` describes memory that is alive and unchanged for the call.
pub(crate) unsafe fn convert<T: Element>(role: &str, tensor: &Checked) -> Result<Option<Vec<T>>, Failure> {
    /// # Safety
    /// As [`convert`], and the tensor's elements are `A`.
    unsafe fn values<'a, A>(role: &str, tensor: &Checked) -> Result<&'a [A], Failure> {
        let pointer = tensor.pointer::<A>(role)?;
        // SAFETY: aligned, with `length` elements of `A`.
        Ok(unsafe { slice::from_raw_parts(pointer, tensor.length) })
    }
    // SAFETY: each arm reads the element type that the tensor states.
    unsafe {
        Ok(match tensor.dtype {
            Dtype::F32 => Some(values::<f32>(role, tensor)?.iter().map(|&v| T::real(v.into())).collect()),
            Dtype::F64 => Some(values::<f64>(role, tensor)?.iter().map(|&v| T::real(v)).collect()),
            Dtype::I32 => Some(values::<i32>(role, tensor)?.iter().map(|&v| T::real(v.into())).collect()),
            Dtype::I64 => Some(values::<i64>(role, tensor)?.iter().map(|&v| T::real(v as f64)).collect()),
            Dtype::U8 => Some(values::<u8>(role, tensor)?.iter().map(|&v| T::real(v.into())).collect()),
            Dtype::C64 => values::<Complex32>(role, tensor)?
                .iter()
                .map(|v| T::complex(Complex64::new(v.re.into(), v.im.into())))
                .collect(),
            Dtype::C128 => values::<Complex64>(role, tensor)?.iter().map(|&v| T::complex(v)).collect(),
            _ => None,
        })
    }
}
