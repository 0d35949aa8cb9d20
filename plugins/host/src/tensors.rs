//! Arrays in the form that a plugin reads and writes.

use std::marker::PhantomData;

use diph_core::{Error, Result, View, ViewMut};
use diph_plugin_abi::{Dtype, Tensor};
use num_complex::Complex32;

use crate::ArrayData;

/// A borrowed tensor that goes into a plugin.
pub(crate) struct Input<'a> {
    shape: Vec<u64>,
    dtype: Dtype,
    data: *mut std::ffi::c_void,
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
        Ok(Self::new(shape, Dtype::C64, values.as_ptr().cast_mut().cast()))
    }

    pub(crate) fn array(array: &'a ArrayData<'_>) -> Self {
        let (dtype, data) = array.parts();
        Self::new(array.shape(), dtype, data)
    }

    fn new(shape: &[usize], dtype: Dtype, data: *mut std::ffi::c_void) -> Self {
        Self { shape: shape.iter().map(|&n| n as u64).collect(), dtype, data, lifetime: PhantomData }
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
        let raw = Tensor {
            dtype: A::DTYPE,
            ndim: shape.len() as u32,
            shape: shape.as_ptr(),
            data: values.as_mut_ptr().cast(),
            ..Tensor::default()
        };
        Self { shape, values, raw }
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
            && self.raw.data == self.values.as_mut_ptr().cast();
        if !same {
            return Err(self.changed(operation, role));
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
