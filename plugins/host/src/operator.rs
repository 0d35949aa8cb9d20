//! Operators out of plugins.

use std::ffi::c_void;
use std::slice;

use diph_core::{Error, ForwardOperator, Preconditioner, RegularisedInverse, Result, Space, View, ViewMut};
use diph_plugin_abi::{self as abi, DataWeights, ErrorBuffer, OperatorVtable, SizedStruct, Status, Tensor, copy_sized};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::call::{call, call_optional, null};
use crate::instance::Instance;
use crate::tensors::{Input, Output, longer};

/// A map with a regularisation `rho`, of the extensions.
type RegularisedMap = unsafe extern "C" fn(*mut c_void, f32, *const Tensor, *mut Tensor, *mut ErrorBuffer) -> Status;
type Map = unsafe extern "C" fn(*mut c_void, *const Tensor, *mut Tensor, *mut ErrorBuffer) -> Status;

/// A [`ForwardOperator`] out of a plugin. Its name is the component's ID.
pub struct PluginOperator {
    instance: Instance,
    forward: Map,
    adjoint: Map,
    normal: Option<Map>,
    inverse: Option<RegularisedMap>,
    preconditioner: Option<RegularisedMap>,
    domain: Space,
    range: Space,
}

impl PluginOperator {
    /// # Safety
    /// `instance` is an operator.
    pub(crate) unsafe fn new(instance: Instance) -> Result<Self> {
        // SAFETY: by the caller's promise.
        let vtable: OperatorVtable = unsafe { instance.vtable() }?;
        let domain = instance.required("domain", vtable.domain)?;
        let range = instance.required("range", vtable.range)?;
        // SAFETY: the plugin keeps the header's rules.
        let (domain, range) = unsafe {
            let domain = read_space(&instance.label, "domain", domain(instance.this))?;
            (domain, read_space(&instance.label, "range", range(instance.this))?)
        };
        // SAFETY: the structs behind these IDs.
        let (inverse, preconditioner) = unsafe {
            let inverse = extension::<abi::RegularisedInverse>(&instance, abi::OPERATOR_REGULARISED_INVERSE, |e| {
                (e.available, e.solve)
            })?;
            let preconditioner =
                extension::<abi::Preconditioner>(&instance, abi::OPERATOR_PRECONDITIONER, |e| (e.available, e.apply))?;
            (inverse, preconditioner)
        };
        Ok(Self {
            inverse,
            preconditioner,
            forward: instance.required("forward", vtable.forward)?,
            adjoint: instance.required("adjoint", vtable.adjoint)?,
            normal: vtable.normal,
            domain,
            range,
            instance,
        })
    }

    fn map(&self, map: Map, name: &str, from: (&Space, View<'_>), to: (&Space, ViewMut<'_>)) -> Result<()> {
        let operation = self.instance.operation(name);
        from.0.check(&operation, "input", from.1.shape())?;
        to.0.check(&operation, "result", to.1.shape())?;
        let input = Input::view(&operation, "input", &from.1)?;
        let mut output = Output::view(&operation, "result", to.1)?;
        let (tensor, result) = (input.raw(), output.raw());
        // SAFETY: the instance and both tensors live through the call; `result` is exclusively the plugin's.
        call(&self.instance.label, name, |error| unsafe { map(self.instance.this, &raw const tensor, result, error) })?;
        output.check(&operation, "result")
    }

    /// Whether the plugin itself refuses an image that is longer than its domain along the last axis.
    pub(crate) fn refuses_longer_image(&self) -> Result<bool> {
        let shape = longer(&self.domain.shape());
        let (image, mut samples) = (ArrayD::<Complex32>::zeros(shape), self.range.zeros());
        let operation = self.instance.operation("forward");
        let input = Input::view(&operation, "input", &image.view())?;
        let mut output = Output::view(&operation, "result", samples.view_mut())?;
        let (tensor, result) = (input.raw(), output.raw());
        // SAFETY: the instance and both tensors live through the call; both have room for what the right shapes need.
        let answer = call(&self.instance.label, "forward", |error| unsafe {
            (self.forward)(self.instance.this, &raw const tensor, result, error)
        });
        Ok(answer.is_err())
    }

    /// A map of the domain to itself that an extension has.
    fn regularised(
        &self,
        map: Option<RegularisedMap>,
        name: &str,
        rho: f32,
        input: View<'_>,
        result: ViewMut<'_>,
    ) -> Result<()> {
        let operation = self.instance.operation(name);
        let map = map.ok_or_else(|| Error::incompatible(&operation, "an operator that has it", "one that has not"))?;
        if !(rho >= 0.0 && rho.is_finite()) {
            return Err(Error::parameter(operation, "rho", "a number that is not negative", rho));
        }
        self.domain.check(&operation, "input", input.shape())?;
        self.domain.check(&operation, "result", result.shape())?;
        let input = Input::view(&operation, "input", &input)?;
        let mut output = Output::view(&operation, "result", result)?;
        let (tensor, result) = (input.raw(), output.raw());
        // SAFETY: the instance and both tensors live through the call; `result` is exclusively the plugin's.
        call(&self.instance.label, name, |error| unsafe {
            map(self.instance.this, rho, &raw const tensor, result, error)
        })?;
        output.check(&operation, "result")
    }
}

impl RegularisedInverse for PluginOperator {
    fn solve(&self, rho: f32, b: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.regularised(self.inverse, "regularised inverse", rho, b, x)
    }
}

impl Preconditioner for PluginOperator {
    fn apply(&self, rho: f32, r: View<'_>, z: ViewMut<'_>) -> Result<()> {
        self.regularised(self.preconditioner, "preconditioner", rho, r, z)
    }

    fn symbol(&self) -> Result<Option<ArrayD<f32>>> {
        // SAFETY: the struct behind this ID.
        let extension = unsafe { self.instance.extension::<abi::Preconditioner>(abi::OPERATOR_PRECONDITIONER) };
        let Some(symbol) = extension.and_then(|extension| extension.symbol) else { return Ok(None) };
        let domain = self.domain.shape();
        let shape = [&domain[..1], &domain].concat();
        self.instance.real_matrices("preconditioner: symbol", &shape, |matrices, error| {
            // SAFETY: the instance and the tensor live through the call.
            unsafe { symbol(self.instance.this, matrices, error) }
        })
    }
}

/// The map of an extension with a function that says whether this instance has it.
///
/// # Safety
/// `T` is the struct behind `id`.
unsafe fn extension<T: SizedStruct>(
    instance: &Instance,
    id: &str,
    functions: impl FnOnce(T) -> (Option<unsafe extern "C" fn(*mut c_void) -> i32>, Option<RegularisedMap>),
) -> Result<Option<RegularisedMap>> {
    // SAFETY: by the caller's promise.
    let Some((available, map)) = (unsafe { instance.extension::<T>(id) }).map(functions) else { return Ok(None) };
    let available = instance.required(id, available)?;
    // SAFETY: the plugin keeps the header's rules.
    if unsafe { available(instance.this) } == 0 {
        return Ok(None);
    }
    instance.required(id, map).map(Some)
}

impl ForwardOperator for PluginOperator {
    fn name(&self) -> &str {
        &self.instance.id
    }

    fn domain(&self) -> &Space {
        &self.domain
    }

    fn range(&self) -> &Space {
        &self.range
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        self.map(self.forward, "forward", (&self.domain, x), (&self.range, y))
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.map(self.adjoint, "adjoint", (&self.range, y), (&self.domain, x))
    }

    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        if let Some(normal) = self.normal {
            return self.map(normal, "normal", (&self.domain, x), (&self.domain, out));
        }
        let mut samples = self.range.zeros();
        self.forward(x, samples.view_mut())?;
        self.adjoint(samples.view(), out)
    }

    fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
        self.inverse.map(|_| self as &dyn RegularisedInverse)
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        self.preconditioner.map(|_| self as &dyn Preconditioner)
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        // SAFETY: the struct behind this ID.
        let Some(extension) = (unsafe { self.instance.extension::<DataWeights>(abi::OPERATOR_DATA_WEIGHTS) }) else {
            return Ok(None);
        };
        let get = self.instance.required("data_weights.get", extension.get)?;
        let shape = self.range.shape();
        let mut values = vec![0f32; self.range.len()];
        let mut output = Output::new(&shape, &mut values);
        let roots = output.raw();
        // SAFETY: the instance and the tensor live through the call.
        let weighted = call_optional(&self.instance.label, "data weights", |error| unsafe {
            get(self.instance.this, roots, error)
        })?;
        if !weighted {
            return Ok(None);
        }
        let operation = self.instance.operation("data weights");
        output.check(&operation, "sqrt(w)")?;
        if let Some(negative) = values.iter().find(|root| **root < 0.0) {
            return Err(Error::parameter(operation, "sqrt(w)", "no negative value", negative));
        }
        ArrayD::from_shape_vec(shape, values).map(Some).map_err(|error| Error::external(operation, error))
    }
}

/// # Safety
/// `pointer` is null or a space as the header describes it.
unsafe fn read_space(label: &str, side: &str, pointer: *const abi::Space) -> Result<Space> {
    const MOST_AXES: u64 = 16;
    // SAFETY: by the caller's promise; null is checked inside.
    let raw = unsafe { copy_sized(pointer) }.map_err(|error| Error::external(label, format!("{side}: {error}")))?;
    if raw.count == 0 || raw.count > MOST_AXES {
        let message = format!("{side}: wrong shape: expected 1 to {MOST_AXES} axes, got {}", raw.count);
        return Err(Error::external(label, message));
    }
    if raw.axes.is_null() || !raw.axes.is_aligned() {
        return Err(null(label, &format!("{side}.axes")));
    }
    // SAFETY: neither null nor misaligned, `count` elements by the header's promise.
    let axes = unsafe { slice::from_raw_parts(raw.axes, raw.count as usize) };
    let mut named = Vec::with_capacity(axes.len());
    let mut length = 1usize;
    for axis in axes {
        // SAFETY: borrowed from the instance by the header's promise.
        let name = unsafe { axis.name.as_str() };
        let name = name.ok_or_else(|| Error::external(label, format!("{side}: an axis whose name is not UTF-8")))?;
        let axis_length = usize::try_from(axis.length).unwrap_or(usize::MAX);
        // Eight bytes for each complex number.
        let product = length.checked_mul(axis_length).filter(|&n| n > 0 && n <= isize::MAX as usize / 8);
        length = product.ok_or_else(|| {
            Error::external(
                label,
                format!("{side}: wrong shape: axis `{name}` has an impossible length {}", axis.length),
            )
        })?;
        named.push((name.to_owned(), axis_length));
    }
    Ok(Space::new(named))
}
