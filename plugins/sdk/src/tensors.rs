//! Tensors of the host as ndarray views or as arrays of another element type.

use std::slice;

use diph_plugin_abi::{Dtype, Str, Tensor, copy_sized};
use ndarray::{ArrayD, ArrayViewD, ArrayViewMutD, IxDyn};
use num_complex::{Complex32, Complex64};

use crate::failure::Failure;

/// Element types that a view can have.
pub(crate) trait TensorElement {
    const DTYPE: Dtype;
}

impl TensorElement for Complex32 {
    const DTYPE: Dtype = Dtype::C64;
}

impl TensorElement for f32 {
    const DTYPE: Dtype = Dtype::F32;
}

/// A tensor that was checked: pointer, number of elements and axes.
pub(crate) struct Checked {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) length: usize,
    pub(crate) data: *mut std::ffi::c_void,
}

impl Checked {
    /// Reads and checks everything but the element type's alignment.
    ///
    /// # Safety
    /// `tensor` is null or points to a tensor as the header describes it.
    pub(crate) unsafe fn new(role: &str, tensor: *const Tensor) -> Result<Self, Failure> {
        // SAFETY: passed on.
        let tensor = unsafe { Self::announced(role, tensor) }?;
        if tensor.data.is_null() && tensor.length > 0 {
            return Err(Failure::argument(format!("{role}: a null pointer to data")));
        }
        Ok(tensor)
    }

    /// As [`new`](Self::new), for a tensor that may have a shape without data.
    ///
    /// # Safety
    /// As [`new`](Self::new).
    pub(crate) unsafe fn announced(role: &str, tensor: *const Tensor) -> Result<Self, Failure> {
        // SAFETY: by the caller's promise; null is checked inside.
        let tensor = unsafe { copy_sized(tensor) }.map_err(|e| Failure::argument(format!("{role}: {e}")))?;
        if tensor.shape.is_null() && tensor.ndim > 0 {
            return Err(Failure::argument(format!("{role}: a null shape")));
        }
        let lengths = if tensor.ndim == 0 {
            &[][..]
        } else {
            // SAFETY: not null, and the header promises `ndim` lengths.
            unsafe { slice::from_raw_parts(tensor.shape, tensor.ndim as usize) }
        };
        let shape: Vec<usize> = lengths.iter().map(|&length| usize::try_from(length).unwrap_or(usize::MAX)).collect();
        let length = shape.iter().try_fold(1usize, |product, &length| product.checked_mul(length));
        // Sixteen bytes are the largest element.
        let Some(length) = length.filter(|&length| length <= isize::MAX as usize / 16) else {
            return Err(Failure::shape(format!("{role}: an impossible shape {shape:?}")));
        };
        Ok(Self { dtype: tensor.dtype, shape, length, data: tensor.data })
    }

    /// First element as a pointer to `A`; dangling when there is none.
    pub(crate) fn pointer<A>(&self, role: &str) -> Result<*mut A, Failure> {
        if self.length == 0 {
            return Ok(std::ptr::dangling_mut());
        }
        let pointer = self.data.cast::<A>();
        if pointer.is_aligned() { Ok(pointer) } else { Err(Failure::argument(format!("{role}: misaligned data"))) }
    }

    fn typed<A: TensorElement>(&self, role: &str) -> Result<*mut A, Failure> {
        if self.dtype != A::DTYPE {
            let (expected, got) = (A::DTYPE.name(), self.dtype.name());
            return Err(Failure::shape(format!("{role}: expected element type {expected}, got {got}")));
        }
        self.pointer(role)
    }
}

/// Borrows an input.
///
/// # Safety
/// `tensor` is null or points to a tensor as the header describes it, alive and unchanged for `'a`.
pub(crate) unsafe fn view<'a, A: TensorElement>(
    role: &str,
    tensor: *const Tensor,
) -> Result<ArrayViewD<'a, A>, Failure> {
    // SAFETY: passed on.
    let tensor = unsafe { Checked::new(role, tensor) }?;
    let pointer = tensor.typed::<A>(role)?;
    // SAFETY: aligned, with `length` elements by the header's promise.
    let values = unsafe { slice::from_raw_parts(pointer, tensor.length) };
    ArrayViewD::from_shape(IxDyn(&tensor.shape), values).map_err(|e| Failure::shape(format!("{role}: {e}")))
}

/// Borrows an output.
///
/// # Safety
/// As [`view`], and nobody else reads or writes it for `'a`.
pub(crate) unsafe fn view_mut<'a, A: TensorElement>(
    role: &str,
    tensor: *mut Tensor,
) -> Result<ArrayViewMutD<'a, A>, Failure> {
    // SAFETY: passed on.
    let tensor = unsafe { Checked::new(role, tensor) }?;
    let pointer = tensor.typed::<A>(role)?;
    // SAFETY: aligned, with `length` elements by the header's promise, and exclusively ours.
    let values = unsafe { slice::from_raw_parts_mut(pointer, tensor.length) };
    ArrayViewMutD::from_shape(IxDyn(&tensor.shape), values).map_err(|e| Failure::shape(format!("{role}: {e}")))
}

/// Fails where a tensor has another shape than the component expects.
pub(crate) fn same_shape(role: &str, expected: &[usize], got: &[usize]) -> Result<(), Failure> {
    match expected == got {
        true => Ok(()),
        false => Err(Failure::shape(format!("{role}: expected shape {expected:?}, got {got:?}"))),
    }
}

/// Borrows a text of the host.
///
/// # Safety
/// `text` is null or alive and unchanged for `'a`.
pub(crate) unsafe fn text<'a>(role: &str, text: Str) -> Result<&'a str, Failure> {
    // SAFETY: passed on.
    unsafe { text.as_str() }.ok_or_else(|| Failure::argument(format!("{role}: expected UTF-8 text")))
}

/// Copies real values into a tensor of the host's that has room for them.
///
/// # Safety
/// As [`view_mut`].
pub(crate) unsafe fn assign(role: &str, tensor: *mut Tensor, values: &ArrayD<f32>) -> Result<(), Failure> {
    // SAFETY: by the caller's promise.
    let mut out = unsafe { view_mut::<f32>(role, tensor) }?;
    if out.shape() != values.shape() {
        let (expected, got) = (values.shape(), out.shape());
        return Err(Failure::shape(format!("{role}: expected room for {expected:?}, got {got:?}")));
    }
    out.assign(values);
    Ok(())
}

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
        /// Converts a real number.
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
