//! Estimators out of plugins.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::{ptr, slice};

use diph_core::{Error, Estimator, ImageShape, Parameter, ParameterMaps, Result, ViewMut};
use diph_plugin_abi::{ErrorBuffer, EstimatorVtable, NamedTensor, Status, Str, Tensor};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::call::{call, null};
use crate::instance::Instance;
use crate::projector::{MapTensors, read_parameters};
use crate::tensors::{Input, Output, longer};

type Estimate = unsafe extern "C" fn(
    *mut c_void,
    *const NamedTensor,
    u64,
    *mut Tensor,
    *mut Tensor,
    *mut Tensor,
    *mut ErrorBuffer,
) -> Status;

/// An [`Estimator`] out of a plugin. Its name is the component's ID.
pub struct PluginEstimator {
    instance: Instance,
    estimate: Estimate,
    inputs: Vec<String>,
    parameters: Vec<Parameter>,
}

impl PluginEstimator {
    /// # Safety
    /// `instance` is an estimator.
    pub(crate) unsafe fn new(instance: Instance) -> Result<Self> {
        // SAFETY: by the caller's promise.
        let vtable: EstimatorVtable = unsafe { instance.vtable() }?;
        let estimate = instance.required("estimate", vtable.estimate)?;
        let input_count = instance.required("input_count", vtable.input_count)?;
        let inputs = instance.required("inputs", vtable.inputs)?;
        let count = instance.required("parameter_count", vtable.parameter_count)?;
        let parameters = instance.required("parameters", vtable.parameters)?;
        // SAFETY: the plugin keeps the header's rules.
        let (inputs, parameters) = unsafe {
            let inputs = read_names(&instance.label, input_count(instance.this), inputs(instance.this))?;
            (inputs, read_parameters(&instance.label, count(instance.this), parameters(instance.this))?)
        };
        Ok(Self { instance, estimate, inputs, parameters })
    }

    /// Whether the plugin itself refuses images that are longer than its results along the last axis.
    pub(crate) fn refuses_longer_images(&self, image: &[usize]) -> Result<bool> {
        let operation = self.instance.operation("estimate");
        let images = vec![ArrayD::<Complex32>::zeros(longer(image)); self.inputs.len()];
        let views: Vec<_> = images.iter().map(|image| image.view()).collect();
        let inputs: Vec<Input<'_>> =
            views.iter().map(|view| Input::view(&operation, "image", view)).collect::<Result<_>>()?;
        let tensors = self.named(&inputs);
        let (_, spatial) = ImageShape::split(&operation, &longer(image))?;
        let mut maps = ParameterMaps::zeros(self.parameters.clone(), &spatial);
        let (_, shorter) = ImageShape::split(&operation, image)?;
        let mut room = ArrayD::zeros(longer(image));
        // Results of the shorter shape in memory for the longer one.
        let mut result = Output::shaped(&operation, "result", room.view_mut(), image)?;
        let mut maps = MapTensors::within(&operation, &mut maps, &shorter)?;
        let (values, amplitude) = maps.raw();
        let (result, values, amplitude) = match self.parameters.is_empty() {
            true => (result.raw(), ptr::null_mut(), ptr::null_mut()),
            false => (ptr::null_mut(), values, amplitude),
        };
        // SAFETY: the instance and the tensors live through the call; results have room for the longer shape.
        let answer = call(&self.instance.label, "estimate", |error| unsafe {
            let count = tensors.len() as u64;
            (self.estimate)(self.instance.this, tensors.as_ptr(), count, result, values, amplitude, error)
        });
        Ok(answer.is_err())
    }

    /// Images by the names of the inputs, in their order.
    fn named(&self, images: &[Input<'_>]) -> Vec<NamedTensor> {
        let named = |(name, input): (&String, &Input<'_>)| NamedTensor {
            name: Str::new(name),
            tensor: input.raw(),
            ..NamedTensor::default()
        };
        self.inputs.iter().zip(images).map(named).collect()
    }
}

impl Estimator for PluginEstimator {
    fn name(&self) -> &str {
        &self.instance.id
    }

    fn inputs(&self) -> &[String] {
        &self.inputs
    }

    fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    fn estimate(
        &self,
        images: &BTreeMap<String, ArrayD<Complex32>>,
        image: Option<ViewMut<'_>>,
        maps: Option<&mut ParameterMaps>,
    ) -> Result<()> {
        let operation = self.instance.operation("estimate");
        let wanted = wanted(&operation, &self.inputs, images)?;
        let spatial =
            check_results(&operation, wanted[0].shape(), image.as_ref().map(|image| image.shape()), maps.is_some())?;
        self.instance.spatial_axes.check(&operation, &spatial)?;
        let views: Vec<_> = wanted.iter().map(|image| image.view()).collect();
        let inputs: Vec<Input<'_>> = views
            .iter()
            .zip(&self.inputs)
            .map(|(view, name)| Input::view(&operation, name, view))
            .collect::<Result<_>>()?;
        let tensors = self.named(&inputs);
        let mut output = image.map(|image| Output::view(&operation, "result", image)).transpose()?;
        let mut maps = match maps {
            Some(maps) => Some(MapTensors::new(&operation, maps, &self.parameters, &spatial)?),
            None => None,
        };
        let result = output.as_mut().map_or(ptr::null_mut(), Output::raw);
        let (values, amplitude) = maps.as_mut().map_or((ptr::null_mut(), ptr::null_mut()), MapTensors::raw);
        // SAFETY: the instance and the tensors live through the call; the outputs are exclusively the plugin's.
        call(&self.instance.label, "estimate", |error| unsafe {
            let count = tensors.len() as u64;
            (self.estimate)(self.instance.this, tensors.as_ptr(), count, result, values, amplitude, error)
        })?;
        output.map_or(Ok(()), |output| output.check(&operation, "result"))?;
        maps.map_or(Ok(()), |maps| maps.check(&operation))
    }
}

/// The wanted images in the order of `inputs`, all of one shape.
pub(crate) fn wanted<'a>(
    operation: &str,
    inputs: &[String],
    images: &'a BTreeMap<String, ArrayD<Complex32>>,
) -> Result<Vec<&'a ArrayD<Complex32>>> {
    let find = |name: &String| {
        let came = || format!("images of {:?}", images.keys().collect::<Vec<_>>());
        images.get(name).ok_or_else(|| Error::parameter(operation, format!("image `{name}`"), "to be given", came()))
    };
    let wanted: Vec<_> = inputs.iter().map(find).collect::<Result<_>>()?;
    let expected = wanted[0].shape();
    match wanted.iter().position(|image| image.shape() != expected) {
        None => Ok(wanted),
        Some(index) => Err(Error::Shape {
            operation: operation.into(),
            role: format!("image `{}`", inputs[index]),
            expected: expected.to_vec(),
            got: wanted[index].shape().to_vec(),
        }),
    }
}

/// Checks what an estimator is asked to write against images of `shape`, whose spatial axes it gives: an image of the same shape, maps,
/// or both.
pub(crate) fn check_results(
    operation: &str,
    shape: &[usize],
    image: Option<&[usize]>,
    has_maps: bool,
) -> Result<ImageShape> {
    let (_, spatial) = ImageShape::split(operation, shape)?;
    match image {
        None if !has_maps => Err(Error::incompatible(operation, "an image or maps to be asked for", "neither")),
        Some(got) if got != shape => {
            let (expected, got) = (shape.to_vec(), got.to_vec());
            Err(Error::Shape { operation: operation.into(), role: "result".into(), expected, got })
        }
        _ => Ok(spatial),
    }
}

/// # Safety
/// `pointer` is null or points to `count` names as the header describes them.
unsafe fn read_names(label: &str, count: u64, pointer: *const Str) -> Result<Vec<String>> {
    const MOST_INPUTS: u64 = 64;
    if count == 0 || count > MOST_INPUTS {
        return Err(Error::external(label, format!("inputs: expected 1 to {MOST_INPUTS}, got {count}")));
    }
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(null(label, "inputs"));
    }
    // SAFETY: neither null nor misaligned, `count` elements by the caller's promise.
    let names = unsafe { slice::from_raw_parts(pointer, count as usize) };
    // SAFETY: borrowed from the instance by the header's promise.
    let read = |name: &Str| unsafe { name.as_str() }.map(str::to_owned);
    names.iter().map(|name| read(name).ok_or_else(|| Error::external(label, "inputs: expected UTF-8 names"))).collect()
}
