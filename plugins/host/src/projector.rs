//! Projectors out of plugins.

use std::ffi::c_void;
use std::{ptr, slice};

use diph_core::{
    Error, ImageShape, Parameter, ParameterMaps, PhysicsProjector, Result, Space, SpatialAxes, View, ViewMut,
};
use diph_plugin_abi::{self as abi, ErrorBuffer, ProjectorVtable, Status, Tensor};
use ndarray::ArrayD;
use num_complex::Complex32;

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

    /// Whether the plugin itself refuses an image of one coefficient more than it takes.
    pub(crate) fn refuses_another_coefficient(&self, image: &ImageShape) -> Result<bool> {
        let operation = self.instance.operation("project");
        let shape = folded(self.instance.spatial_axes, image).with_leading(self.coefficients + 1);
        let (x, mut z) = (ArrayD::zeros(&*shape), ArrayD::zeros(&*shape));
        let input = Input::view(&operation, "image", &x.view())?;
        let mut output = Output::view(&operation, "result", z.view_mut())?;
        let (tensor, result, this) = (input.raw(), output.raw(), self.instance.this);
        // SAFETY: the instance and the tensors live through the call; they hold more than the right shape needs.
        let answer = call(&self.instance.label, "project", |error| unsafe {
            (self.project)(this, &raw const tensor, result, ptr::null_mut(), ptr::null_mut(), error)
        });
        Ok(answer.is_err())
    }
}

/// An image in the form that a projector of these axes takes: it works place by place, so that planes may lie below each
/// other, and a plane may be a volume of one.
pub(crate) fn folded(axes: SpatialAxes, image: &ImageShape) -> ImageShape {
    let [height, width] = image.plane_lengths();
    match axes {
        SpatialAxes::Two => ImageShape::plane(image.depth().saturating_mul(height), width),
        SpatialAxes::Three => ImageShape::volume(image.depth(), height, width),
        SpatialAxes::Either => *image,
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
        let folded = folded(self.instance.spatial_axes, &image);
        let shape = folded.with_leading(self.coefficients);
        let input = Input::shaped(&operation, "image", &x, &shape)?;
        let mut output = Output::shaped(&operation, "result", z, &shape)?;
        let mut maps = match maps {
            Some(maps) => {
                maps.check(&operation, &image)?;
                Some(MapTensors::new(&operation, maps, &self.parameters, &folded)?)
            }
            None => None,
        };
        let (tensor, result, this) = (input.raw(), output.raw(), self.instance.this);
        let (values, amplitude) = maps.as_mut().map_or((ptr::null_mut(), ptr::null_mut()), MapTensors::raw);
        // SAFETY: the instance and the tensors live through the call; the outputs are exclusively the plugin's.
        call(&self.instance.label, "project", |error| unsafe {
            (self.project)(this, &raw const tensor, result, values, amplitude, error)
        })?;
        output.check(&operation, "result")?;
        maps.map_or(Ok(()), |maps| maps.check(&operation))
    }
}

/// The two tensors of parameter maps that a plugin writes.
pub(crate) struct MapTensors<'a> {
    values: Output<'a, f32>,
    amplitude: Output<'a, Complex32>,
}

impl<'a> MapTensors<'a> {
    /// Of maps that hold as many pixels as `image`.
    pub(crate) fn new(
        operation: &str,
        maps: &'a mut ParameterMaps,
        parameters: &[Parameter],
        image: &ImageShape,
    ) -> Result<Self> {
        if maps.parameters.len() != parameters.len() || maps.amplitude.len() != image.pixels() {
            let expected = format!("maps of {} parameters of {image} pixels", parameters.len());
            let got = format!("{} of shape {:?}", maps.parameters.len(), maps.amplitude.shape());
            return Err(Error::incompatible(operation, expected, got));
        }
        Self::within(operation, maps, image)
    }

    /// Of maps that hold at least as many pixels as `image`.
    pub(crate) fn within(operation: &str, maps: &'a mut ParameterMaps, image: &ImageShape) -> Result<Self> {
        let parameters = maps.parameters.len();
        let not_contiguous = |role: &str| Error::NotContiguous { operation: operation.into(), role: role.into() };
        let values = maps.values.as_slice_mut().ok_or_else(|| not_contiguous("parameter maps"))?;
        let amplitude = maps.amplitude.as_slice_mut().ok_or_else(|| not_contiguous("amplitude map"))?;
        Ok(Self {
            values: Output::new(&image.with_leading(parameters), values),
            amplitude: Output::new(image.lengths(), amplitude),
        })
    }

    /// The C structs of values and amplitude for one call.
    pub(crate) fn raw(&mut self) -> (*mut Tensor, *mut Tensor) {
        (self.values.raw(), self.amplitude.raw())
    }

    /// After a successful call, as [`Output::check`].
    pub(crate) fn check(self, operation: &str) -> Result<()> {
        self.values.check(operation, "parameter maps")?;
        self.amplitude.check(operation, "amplitude map")
    }
}

/// # Safety
/// `pointer` is null or points to `count` parameters as the header describes them.
pub(crate) unsafe fn read_parameters(
    label: &str,
    count: u64,
    pointer: *const abi::Parameter,
) -> Result<Vec<Parameter>> {
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
