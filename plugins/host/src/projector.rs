//! Projectors out of plugins.

use std::ffi::c_void;
use std::{ptr, slice};

use diph_core::{Error, ImageShape, Parameter, ParameterMaps, PhysicsProjector, Result, Space, View, ViewMut};
use diph_plugin_abi::{self as abi, ErrorBuffer, ProjectorVtable, Status, Tensor};

use crate::call::{call, null};
use crate::instance::Instance;
use crate::tensors::{Input, Output};

type Project =
    unsafe extern "C" fn(*mut c_void, *const Tensor, *mut Tensor, *mut Tensor, *mut Tensor, *mut ErrorBuffer) -> Status;

/// A [`PhysicsProjector`] out of a plugin. Its name is the component's ID.
pub struct PluginProjector {
    instance: Instance,
    project: Project,
    coefficients: usize,
    parameters: Vec<Parameter>,
}

impl PluginProjector {
    /// # Safety
    /// `instance` is a projector.
    pub(crate) unsafe fn new(instance: Instance) -> Result<Self> {
        // SAFETY: by the caller's promise.
        let vtable: ProjectorVtable = unsafe { instance.vtable() }?;
        let project = instance.required("project", vtable.project)?;
        let coefficients = instance.required("coefficients", vtable.coefficients)?;
        let count = instance.required("parameter_count", vtable.parameter_count)?;
        let parameters = instance.required("parameters", vtable.parameters)?;
        // SAFETY: the plugin keeps the header's rules.
        let (coefficients, parameters) = unsafe {
            let (count, parameters) = (count(instance.this), parameters(instance.this));
            (coefficients(instance.this), read_parameters(&instance.label, count, parameters)?)
        };
        let coefficients = usize::try_from(coefficients).ok().filter(|&n| n > 0).ok_or_else(|| {
            Error::external(&instance.label, format!("coefficients: expected at least 1, got {coefficients}"))
        })?;
        Ok(Self { instance, project, coefficients, parameters })
    }
}

impl PhysicsProjector for PluginProjector {
    fn name(&self) -> &str {
        &self.instance.id
    }

    fn coefficients(&self) -> usize {
        self.coefficients
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn project(&self, x: View<'_>, z: ViewMut<'_>, maps: Option<&mut ParameterMaps>) -> Result<()> {
        let operation = self.instance.operation("project");
        let (_, image) = ImageShape::split(&operation, x.shape())?;
        let space = Space::image(self.coefficients, &image);
        space.check(&operation, "image", x.shape())?;
        space.check(&operation, "result", z.shape())?;
        let input = Input::view(&operation, "image", &x)?;
        let mut output = Output::view(&operation, "result", z)?;
        let (tensor, result, this) = (input.raw(), output.raw(), self.instance.this);
        let Some(maps) = maps else {
            // SAFETY: the instance and the tensors live through the call; `result` is exclusively the plugin's.
            call(&self.instance.label, "project", |error| unsafe {
                (self.project)(this, &raw const tensor, result, ptr::null_mut(), ptr::null_mut(), error)
            })?;
            return output.check(&operation, "result");
        };
        maps.check(&operation, &image)?;
        if maps.parameters.len() != self.parameters.len() {
            let expected = format!("maps of {} parameters", self.parameters.len());
            return Err(Error::incompatible(operation, expected, maps.parameters.len()));
        }
        let not_contiguous = |role: &str| Error::NotContiguous { operation: operation.clone(), role: role.into() };
        let values = maps.values.as_slice_mut().ok_or_else(|| not_contiguous("parameter maps"))?;
        let mut values = Output::new(&image.with_leading(self.parameters.len()), values);
        let amplitude = maps.amplitude.as_slice_mut().ok_or_else(|| not_contiguous("amplitude map"))?;
        let mut amplitude = Output::new(image.lengths(), amplitude);
        let (raw_values, raw_amplitude) = (values.raw(), amplitude.raw());
        // SAFETY: as above; the maps are exclusively the plugin's, too.
        call(&self.instance.label, "project", |error| unsafe {
            (self.project)(this, &raw const tensor, result, raw_values, raw_amplitude, error)
        })?;
        output.check(&operation, "result")?;
        values.check(&operation, "parameter maps")?;
        amplitude.check(&operation, "amplitude map")
    }
}

/// # Safety
/// `pointer` is null or points to `count` parameters as the header describes them.
unsafe fn read_parameters(label: &str, count: u64, pointer: *const abi::Parameter) -> Result<Vec<Parameter>> {
    const MOST_PARAMETERS: u64 = 64;
    if count == 0 {
        return Ok(Vec::new());
    }
    if count > MOST_PARAMETERS {
        let message = format!("parameters: expected at most {MOST_PARAMETERS}, got {count}");
        return Err(Error::external(label, message));
    }
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(null(label, "parameters"));
    }
    // SAFETY: neither null nor misaligned, `count` elements by the caller's promise.
    let parameters = unsafe { slice::from_raw_parts(pointer, count as usize) };
    let read = |parameter: &abi::Parameter| {
        // SAFETY: borrowed from the instance by the header's promise.
        let (name, unit) = unsafe { (parameter.name.as_str()?, parameter.unit.as_str()?) };
        Some(Parameter { name: name.into(), unit: unit.into() })
    };
    let read = |p| read(p).ok_or_else(|| Error::external(label, "parameters: expected UTF-8 names and units"));
    parameters.iter().map(read).collect()
}
