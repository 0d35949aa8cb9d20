//! The arrays that an instance is created from.

use std::slice;

use diph_core::{Error, Result};
use diph_plugin_abi::{NamedTensor, copy_sized};
use ndarray::{Array, ArrayD, Dimension, IxDyn};

use crate::Element;
use crate::element::convert;
use crate::failure::Failure;
use crate::tensors::{Checked, text};

/// Named arrays, borrowed from the host for the time of a [`create`](crate::Component::create).
pub struct Arrays<'a> {
    operation: String,
    entries: Vec<(&'a str, Checked)>,
}

impl<'a> Arrays<'a> {
    /// # Safety
    /// `arrays` points to `n` named tensors as the header describes them, alive and unchanged for `'a`.
    pub(crate) unsafe fn new(operation: String, arrays: *const NamedTensor, n: u64) -> Result<Self, Failure> {
        let n = usize::try_from(n).map_err(|_| Failure::argument("an impossible number of arrays"))?;
        if n == 0 {
            return Ok(Self { operation, entries: Vec::new() });
        }
        if arrays.is_null() || !arrays.is_aligned() {
            return Err(Failure::argument("a null or misaligned pointer to arrays"));
        }
        // SAFETY: neither null nor misaligned, and `n` elements by the caller's promise.
        let arrays = unsafe { slice::from_raw_parts(arrays, n) };
        let mut entries = Vec::with_capacity(n);
        for array in arrays {
            // SAFETY: alive by the caller's promise.
            let entry = unsafe {
                let array = copy_sized(array).map_err(|e| Failure::argument(format!("array: {e}")))?;
                let name = text("name of an array", array.name)?;
                (name, Checked::new(&format!("array `{name}`"), &raw const array.tensor)?)
            };
            entries.push(entry);
        }
        Ok(Self { operation, entries })
    }

    /// Names of the arrays that came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| *name)
    }

    /// A copy of the array `name`, converted to `T`, with as many axes as `D` has.
    ///
    /// # Errors
    /// When it did not come, has another number of axes, is complex where `T` is real, or holds a NaN or an infinity.
    pub fn required<T: Element, D: Dimension>(&self, name: &str) -> Result<Array<T, D>> {
        self.optional(name)?.ok_or_else(|| {
            let came: Vec<&str> = self.names().collect();
            Error::parameter(&self.operation, format!("array `{name}`"), "to be given", format!("only {came:?}"))
        })
    }

    /// As [`required`](Self::required), but `None` where the array did not come.
    ///
    /// # Errors
    /// As [`required`](Self::required).
    pub fn optional<T: Element, D: Dimension>(&self, name: &str) -> Result<Option<Array<T, D>>> {
        let Some((_, tensor)) = self.entries.iter().find(|(entry, _)| *entry == name) else { return Ok(None) };
        let role = format!("array `{name}`");
        let wrong = |got: String| {
            let axes = D::NDIM.map_or(String::new(), |n| format!(" along {n} axes"));
            Error::parameter(&self.operation, &role, format!("{}{axes}", T::NAME), got)
        };
        let form = || format!("{} {:?}", tensor.dtype.name(), tensor.shape);
        // SAFETY: alive and unchanged for `'a`, which `self` does not outlive.
        let values = unsafe { convert::<T>(&role, tensor) }.map_err(|_| wrong("misaligned data".into()))?;
        let values = values.ok_or_else(|| wrong(form()))?;
        if let Some(index) = values.iter().position(|value| !value.finite()) {
            return Err(Error::NotFinite { operation: self.operation.clone(), role, index });
        }
        let array = ArrayD::from_shape_vec(IxDyn(&tensor.shape), values).map_err(|_| wrong(form()))?;
        array.into_dimensionality::<D>().map(Some).map_err(|_| wrong(form()))
    }
}
