//! What an instance is created from beside its options.

use std::slice;

use diph_core::{AcquisitionShape, Error, FourierScale, ImageShape, Result};
use diph_plugin_abi::{self as abi, NamedTensor, copy_sized};
use ndarray::{Array, ArrayD, Dimension, IxDyn};

use crate::Element;
use crate::failure::Failure;
use crate::tensors::{Checked, convert, text};

/// Named arrays and facts of an acquisition, borrowed from the host for the time of a [`create`](crate::Component::create) or
/// a [`memory`](crate::Component::memory). `diph_plugin.h` has a table of their names, units and meanings.
///
/// In `memory` the arrays have shapes but no values.
pub struct Acquisition<'a> {
    operation: String,
    entries: Vec<(&'a str, Checked)>,
    facts: abi::Acquisition,
    image: Option<ImageShape>,
}

impl<'a> Acquisition<'a> {
    /// # Safety
    /// `acquisition` is null or points to an acquisition as the header describes it, alive and unchanged for `'a`.
    pub(crate) unsafe fn new(operation: String, acquisition: *const abi::Acquisition) -> Result<Self, Failure> {
        // SAFETY: by the caller's promise; null is checked inside.
        let facts = unsafe { copy_sized(acquisition) }.map_err(|e| Failure::argument(format!("acquisition: {e}")))?;
        // SAFETY: by the caller's promise.
        let entries = unsafe { read_arrays(facts.arrays, facts.array_count) }?;
        let image = read_image(&facts)?;
        Ok(Self { operation, entries, facts, image })
    }

    /// Spatial lengths of the images.
    ///
    /// # Errors
    /// [`Error::Parameter`] when they are not known.
    pub fn image(&self) -> Result<ImageShape> {
        self.image.ok_or_else(|| self.missing("image"))
    }

    /// Edge lengths of a voxel in m along the axes of the image, slowest first; `None` when they are not known.
    pub fn voxel_size(&self) -> Option<&[f64]> {
        let lengths = &self.facts.voxel_size[..self.image?.lengths().len()];
        lengths.iter().all(|length| *length > 0.0).then_some(lengths)
    }

    /// The convention of the measured data for the factor in front of the transform; `None` when it is not known.
    pub fn fourier_scale(&self) -> Option<FourierScale> {
        match self.facts.fourier_scale {
            abi::Acquisition::FOURIER_UNITARY => Some(FourierScale::Unitary),
            abi::Acquisition::FOURIER_TWICE_OVERSAMPLED => Some(FourierScale::TwiceOversampled),
            _ => None,
        }
    }

    /// Length of the leading axis of images.
    ///
    /// # Errors
    /// [`Error::Parameter`] when it is not known.
    pub fn coefficients(&self) -> Result<usize> {
        self.length("coefficients", self.facts.coefficients)
    }

    /// Lengths of everything that an operator is made from, for its estimate of memory.
    ///
    /// # Errors
    /// [`Error::Parameter`] when one of the facts `image`, `coefficients`, `coils`, `frames` and `samples` is not known.
    pub fn lengths(&self) -> Result<AcquisitionShape> {
        Ok(AcquisitionShape {
            image: self.image()?,
            coefficients: self.coefficients()?,
            frames: self.length("frames", self.facts.frames)?,
            samples: self.length("samples", self.facts.samples)?,
            coils: self.length("coils", self.facts.coils)?,
            has_coil_maps: self.shape("coil_maps").is_some(),
            is_weighted: self.shape("weights").is_some(),
        })
    }

    fn length(&self, fact: &str, value: u64) -> Result<usize> {
        usize::try_from(value).ok().filter(|value| *value > 0).ok_or_else(|| self.missing(fact))
    }

    fn missing(&self, fact: &str) -> Error {
        Error::parameter(&self.operation, format!("fact `{fact}`"), "to be known", "nothing")
    }

    /// Axis lengths of the array `name`, slowest first; `None` when it did not come.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.iter().find(|(entry, _)| *entry == name).map(|(_, tensor)| &*tensor.shape)
    }

    /// Names of the arrays that came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| *name)
    }

    /// A copy of the array `name`, converted to `T`, with as many axes as `D` has.
    ///
    /// # Errors
    /// [`Error::Parameter`](diph_core::Error::Parameter) when it did not come, has another number of axes, or is complex where `T` is real;
    /// [`Error::NotFinite`](diph_core::Error::NotFinite) when it holds a NaN or an infinity.
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
        if tensor.data.is_null() && tensor.length > 0 {
            return Err(Error::parameter(&self.operation, role, "values", "a shape alone"));
        }
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

/// # Safety
/// `arrays` points to `n` named tensors as the header describes them, alive and unchanged for `'a`.
unsafe fn read_arrays<'a>(arrays: *const NamedTensor, n: u64) -> Result<Vec<(&'a str, Checked)>, Failure> {
    let n = usize::try_from(n).map_err(|_| Failure::argument("an impossible number of arrays"))?;
    if n == 0 {
        return Ok(Vec::new());
    }
    if arrays.is_null() || !arrays.is_aligned() {
        return Err(Failure::argument("a null or misaligned pointer to arrays"));
    }
    // SAFETY: neither null nor misaligned, and `n` elements by the caller's promise.
    let arrays = unsafe { slice::from_raw_parts(arrays, n) };
    let read = |array: &NamedTensor| {
        // SAFETY: alive by the caller's promise.
        unsafe {
            let array = copy_sized(array).map_err(|e| Failure::argument(format!("array: {e}")))?;
            let name = text("name of an array", array.name)?;
            Ok((name, Checked::announced(&format!("array `{name}`"), &raw const array.tensor)?))
        }
    };
    arrays.iter().map(read).collect()
}

fn read_image(facts: &abi::Acquisition) -> Result<Option<ImageShape>, Failure> {
    if facts.image_ndim == 0 {
        return Ok(None);
    }
    let lengths = facts.image.iter().take(facts.image_ndim as usize);
    let lengths: Vec<usize> = lengths.map(|length| usize::try_from(*length).unwrap_or(usize::MAX)).collect();
    let refused = || Failure::argument(format!("image: expected 2 or 3 spatial lengths, got {}", facts.image_ndim));
    match ImageShape::try_from(&*lengths) {
        Ok(image) if lengths.len() == facts.image_ndim as usize => Ok(Some(image)),
        _ => Err(refused()),
    }
}
