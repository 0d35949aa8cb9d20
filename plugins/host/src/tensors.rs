//! Arrays in the form that a plugin reads and writes.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

use diph_core::{Error, Result, View, ViewMut};
use diph_plugin_abi::{Dtype, Tensor};
use num_complex::Complex32;

use crate::ArrayData;

/// Every tensor that crosses the border begins on a multiple of this many bytes, as the header promises: a cache line, and the
/// widest vector of today's processors.
pub(crate) const ALIGNMENT: usize = 64;

/// Memory for the tensors that do not lie so.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct CacheLine([u8; ALIGNMENT]);

/// A copy of so many bytes in a place that is aligned; `None` for what lies in such a place already, and for nothing.
///
/// # Safety
/// `data` is null, or may be read for `bytes` bytes.
unsafe fn aligned_copy(data: *const c_void, bytes: usize) -> Option<Vec<CacheLine>> {
    if data.is_null() || bytes == 0 || data.addr().is_multiple_of(ALIGNMENT) {
        return None;
    }
    let mut lines = vec![CacheLine([0; ALIGNMENT]); bytes.div_ceil(ALIGNMENT)];
    // SAFETY: by the caller's promise, and the lines have room for as many bytes.
    unsafe { ptr::copy_nonoverlapping(data.cast::<u8>(), lines.as_mut_ptr().cast(), bytes) };
    Some(lines)
}

/// A borrowed tensor that goes into a plugin.
pub(crate) struct Input<'a> {
    shape: Vec<u64>,
    dtype: Dtype,
    data: *mut c_void,
    _copy: Option<Vec<CacheLine>>,
    lifetime: PhantomData<&'a ()>,
}

impl<'a> Input<'a> {
    /// A view, which has to be C-contiguous.
    pub(crate) fn view(operation: &str, role: &str, view: &View<'a>) -> Result<Self> {
        Self::shaped(operation, role, view, view.shape())
    }

    /// A view, which has to be C-contiguous, under another shape of as many elements, or of less.
    pub(crate) fn shaped(operation: &str, role: &str, view: &View<'a>, shape: &[usize]) -> Result<Self> {
        let values = view.to_slice().ok_or_else(|| not_contiguous(operation, role))?;
        // SAFETY: borrowed for `'a`.
        Ok(unsafe { Self::new(shape, Dtype::C64, values.as_ptr().cast_mut().cast(), size_of_val(values)) })
    }

    pub(crate) fn array(array: &'a ArrayData<'_>) -> Self {
        let (dtype, data, bytes) = array.parts();
        // SAFETY: borrowed for `'a`.
        unsafe { Self::new(array.shape(), dtype, data, bytes) }
    }

    /// # Safety
    /// `data` is null, or may be read for `bytes` bytes as long as `'a`.
    unsafe fn new(shape: &[usize], dtype: Dtype, data: *mut c_void, bytes: usize) -> Self {
        // SAFETY: by the caller's promise.
        let mut copy = unsafe { aligned_copy(data, bytes) };
        let data = copy.as_mut().map_or(data, |lines| lines.as_mut_ptr().cast());
        let shape = shape.iter().map(|&n| n as u64).collect();
        Self { shape, dtype, data, _copy: copy, lifetime: PhantomData }
    }

    /// The C struct, valid as long as `self`.
    pub(crate) fn raw(&self) -> Tensor {
        Tensor {
            dtype: self.dtype,
            ndim: self.shape.len() as u32,
            shape: self.shape.as_ptr(),
            data: self.data,
            ..Tensor::default()
        }
    }
}

/// Real or complex values that a plugin writes.
pub(crate) trait OutputElement {
    const DTYPE: Dtype;
    fn all_finite(values: &[Self]) -> bool
    where
        Self: Sized;
    fn finite(&self) -> bool;
}

impl OutputElement for f32 {
    const DTYPE: Dtype = Dtype::F32;

    fn all_finite(values: &[Self]) -> bool {
        // No early exit: this way the loop is vectorised.
        values.iter().fold(true, |all, value| all & value.is_finite())
    }

    fn finite(&self) -> bool {
        self.is_finite()
    }
}

impl OutputElement for Complex32 {
    const DTYPE: Dtype = Dtype::C64;

    fn all_finite(values: &[Self]) -> bool {
        values.iter().fold(true, |all, value| all & value.re.is_finite() & value.im.is_finite())
    }

    fn finite(&self) -> bool {
        self.re.is_finite() && self.im.is_finite()
    }
}

/// A tensor that a plugin writes, and the checks of what it wrote.
pub(crate) struct Output<'a, A> {
    shape: Vec<u64>,
    values: &'a mut [A],
    /// Where the plugin writes, when the values lie in a place that is not aligned.
    copy: Option<Vec<CacheLine>>,
    data: *mut c_void,
    raw: Tensor,
}

impl<'a> Output<'a, Complex32> {
    /// A view, which has to be C-contiguous.
    pub(crate) fn view(operation: &str, role: &str, view: ViewMut<'a>) -> Result<Self> {
        let shape = view.shape().to_vec();
        Self::shaped(operation, role, view, &shape)
    }

    /// A view, which has to be C-contiguous, under another shape of as many elements.
    pub(crate) fn shaped(operation: &str, role: &str, view: ViewMut<'a>, shape: &[usize]) -> Result<Self> {
        let values = view.into_slice().ok_or_else(|| not_contiguous(operation, role))?;
        Ok(Self::new(shape, values))
    }
}

impl<'a, A: OutputElement> Output<'a, A> {
    pub(crate) fn new(shape: &[usize], values: &'a mut [A]) -> Self {
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let own: *mut c_void = values.as_mut_ptr().cast();
        // SAFETY: the values are borrowed. What stands there goes along, so that whoever marks it sees what was not written.
        let mut copy = unsafe { aligned_copy(own, size_of_val(values)) };
        let data = copy.as_mut().map_or(own, |lines| lines.as_mut_ptr().cast());
        let raw =
            Tensor { dtype: A::DTYPE, ndim: shape.len() as u32, shape: shape.as_ptr(), data, ..Tensor::default() };
        Self { shape, values, copy, data, raw }
    }

    /// The C struct for one call.
    pub(crate) fn raw(&mut self) -> *mut Tensor {
        &raw mut self.raw
    }

    /// After a successful call: the plugin left the tensor's form alone, and all values are finite.
    pub(crate) fn check(self, operation: &str, role: &str) -> Result<()> {
        let same = self.raw.dtype == A::DTYPE
            && self.raw.ndim as usize == self.shape.len()
            && self.raw.shape == self.shape.as_ptr()
            && self.raw.data == self.data;
        if !same {
            return Err(self.changed(operation, role));
        }
        if let Some(lines) = &self.copy {
            let values = self.values.as_mut_ptr();
            // SAFETY: the copy has room for these values, and any bytes are a number of this type.
            unsafe { ptr::copy_nonoverlapping(lines.as_ptr().cast::<A>(), values, self.values.len()) };
        }
        if A::all_finite(self.values) {
            return Ok(());
        }
        let index = self.values.iter().position(|value| !value.finite()).unwrap_or_default();
        Err(Error::NotFinite { operation: operation.into(), role: role.into(), index })
    }

    /// The plugin wrote other fields than `data`'s elements; its shape is not followed, since the pointer may be anything.
    fn changed(&self, operation: &str, role: &str) -> Error {
        let tensor = &self.raw;
        let got = format!(
            "a tensor with {} axes of type {} that the plugin put in its place",
            tensor.ndim,
            tensor.dtype.name()
        );
        Error::incompatible(operation, format!("{role} of shape {:?} of type {}", self.shape, A::DTYPE.name()), got)
    }
}

/// The shape with one more along its last axis.
pub(crate) fn longer(shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    shape.iter_mut().last().into_iter().for_each(|length| *length += 1);
    shape
}

fn not_contiguous(operation: &str, role: &str) -> Error {
    Error::NotContiguous { operation: operation.into(), role: role.into() }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, ArrayView1, ArrayViewMut1};

    use super::*;

    /// Wherever the numbers of the caller lie, the plugin gets them at the beginning of a cache line, and its own reach the caller.
    #[test]
    fn what_crosses_the_border_is_aligned() {
        let mut memory: Vec<Complex32> = (0..64).map(|n| Complex32::new(n as f32, 0.5)).collect();
        for start in 0..17 {
            let view = ArrayView1::from(&memory[start..start + 20]);
            let input = Input::view("test", "input", &view.into_dyn()).unwrap();
            let tensor = input.raw();
            assert!(tensor.data.addr().is_multiple_of(ALIGNMENT), "input from {start}");
            // SAFETY: 20 numbers, alive as long as `input`.
            let seen = unsafe { std::slice::from_raw_parts(tensor.data.cast::<Complex32>(), 20) };
            assert_eq!(seen, &memory[start..start + 20]);
            drop(input);

            let view = ArrayViewMut1::from(&mut memory[start..start + 20]);
            let mut output = Output::view("test", "result", view.into_dyn()).unwrap();
            // SAFETY: alive as long as `output`.
            let data = unsafe { (*output.raw()).data }.cast::<Complex32>();
            assert!(data.addr().is_multiple_of(ALIGNMENT), "output from {start}");
            // SAFETY: room for 20 numbers.
            unsafe { data.add(19).write(Complex32::new(-1.0, start as f32)) };
            output.check("test", "result").unwrap();
            assert_eq!(memory[start + 19], Complex32::new(-1.0, start as f32));
        }
    }

    #[test]
    fn named_arrays_are_aligned_whatever_their_type() {
        let bytes: Vec<u8> = (0..100).collect();
        for start in 0..70 {
            let array = ArrayData::from(ArrayView1::from(&bytes[start..]));
            assert!(Input::array(&array).raw().data.addr().is_multiple_of(ALIGNMENT), "from {start}");
        }
        let array = ArrayData::from(Array1::<f64>::ones(7));
        assert!(Input::array(&array).raw().data.addr().is_multiple_of(ALIGNMENT));
        let announced = ArrayData::Announced(crate::ElementType::F32, vec![3]);
        assert!(Input::array(&announced).raw().data.is_null());
    }
}
