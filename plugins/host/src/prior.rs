//! Priors out of plugins.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr;

use diph_core::{
    Conditions, Error, GaussianRoot, ImageShape, NoiseSchedule, Prior, PriorContext, Result, Rng, ScheduleEntry,
    SpatialAxes, View, ViewMut,
};
use diph_plugin_abi::{self as abi, Batch, NamedTensor, PriorVtable, Proximal, Str, Tensor};
use ndarray::ArrayD;
use rand::RngExt;
use rand_distr::StandardNormal;

use crate::call::{call, call_optional};
use crate::instance::Instance;
use crate::tensors::{Input, Output, longer};

type Denoise = unsafe extern "C" fn(
    *mut c_void,
    *const Tensor,
    f32,
    *mut Tensor,
    *mut f64,
    *const abi::PriorContext,
    *mut abi::ErrorBuffer,
) -> abi::Status;

type DenoiseBatch = unsafe extern "C" fn(
    *mut c_void,
    *const Tensor,
    f32,
    *mut Tensor,
    *const *const abi::PriorContext,
    u64,
    *mut abi::ErrorBuffer,
) -> abi::Status;

/// A [`Prior`] out of a plugin. Its name is the component's ID.
pub struct PluginPrior {
    instance: Instance,
    denoise: Denoise,
    batch: Option<DenoiseBatch>,
    proximal_accuracy: Option<f32>,
}

impl PluginPrior {
    /// # Safety
    /// `instance` is a prior.
    pub(crate) unsafe fn new(instance: Instance) -> Result<Self> {
        // SAFETY: by the caller's promise.
        let vtable: PriorVtable = unsafe { instance.vtable() }?;
        let denoise = instance.required("denoise", vtable.denoise)?;
        let proximal_accuracy = proximal_accuracy(&instance)?;
        // SAFETY: the struct behind this ID.
        let batch = unsafe { instance.extension::<Batch>(abi::PRIOR_BATCH) };
        let batch = batch.map(|extension| instance.required("batch.denoise", extension.denoise)).transpose()?;
        Ok(Self { instance, denoise, batch, proximal_accuracy })
    }

    /// Whether the plugin itself refuses a result that is longer than its image along the last axis.
    pub(crate) fn refuses_longer_result(
        &self,
        image: &[usize],
        sigma: f32,
        context: &mut PriorContext<'_>,
    ) -> Result<bool> {
        let operation = self.instance.operation("denoise");
        let room = longer(image);
        let (noisy, mut clean) = (ArrayD::zeros(&*room), ArrayD::zeros(&*room));
        let input = Input::shaped(&operation, "noisy image", &noisy.view(), image)?;
        let mut output = Output::view(&operation, "result", clean.view_mut())?;
        let context = RawContext::new(&operation, context)?;
        let (tensor, result, raw, mut penalty) = (input.raw(), output.raw(), context.raw(), 0.0);
        // SAFETY: everything lives through the call, and both tensors have room for the larger shape.
        let answer = call(&self.instance.label, "denoise", |error| unsafe {
            let (this, tensor, penalty) = (self.instance.this, &raw const tensor, &raw mut penalty);
            (self.denoise)(this, tensor, sigma, result, penalty, &raw const raw, error)
        });
        Ok(answer.is_err())
    }

    fn check(&self, operation: &str, noisy: &View<'_>, sigma: f32, clean: &ViewMut<'_>) -> Result<()> {
        let (_, image) = ImageShape::split(operation, noisy.shape())?;
        self.instance.spatial_axes.check(operation, &image)?;
        if noisy.shape() != clean.shape() {
            let (expected, got) = (noisy.shape().to_vec(), clean.shape().to_vec());
            return Err(Error::Shape { operation: operation.into(), role: "result".into(), expected, got });
        }
        if !(sigma >= 0.0 && sigma.is_finite()) {
            return Err(Error::parameter(operation, "sigma", "a number that is not negative", sigma));
        }
        Ok(())
    }
}

/// A context in the form that crosses the border, with everything that it points into.
struct RawContext<'a> {
    schedule: Option<abi::ScheduleEntry>,
    _inputs: Vec<Input<'a>>,
    conditions: Vec<NamedTensor>,
    rng: *mut Rng,
    lifetime: PhantomData<&'a mut Rng>,
}

impl<'a> RawContext<'a> {
    fn new<'b: 'a>(operation: &str, context: &'a mut PriorContext<'b>) -> Result<Self> {
        let conditions: &'a Conditions<'a> = context.conditions;
        let inputs: Vec<Input<'a>> =
            conditions.iter().map(|(name, image)| Input::view(operation, name, image)).collect::<Result<_>>()?;
        let named = |(name, input): (&'a String, &Input<'a>)| NamedTensor {
            name: Str::new(name),
            tensor: input.raw(),
            ..NamedTensor::default()
        };
        Ok(Self {
            schedule: context.schedule.map(|entry| abi::ScheduleEntry {
                index: entry.index as u64,
                timestep: entry.timestep as u64,
                abar: entry.abar,
            }),
            conditions: conditions.keys().zip(&inputs).map(named).collect(),
            _inputs: inputs,
            rng: ptr::from_mut(&mut *context.rng),
            lifetime: PhantomData,
        })
    }

    /// The C struct, valid as long as `self` stays where it is.
    fn raw(&self) -> abi::PriorContext {
        abi::PriorContext {
            struct_size: size_of::<abi::PriorContext>() as u64,
            schedule: self.schedule.as_ref().map_or(ptr::null(), ptr::from_ref),
            conditions: self.conditions.as_ptr(),
            condition_count: self.conditions.len() as u64,
            random: self.rng.cast(),
            random_normal: Some(random_normal),
            random_bits: Some(random_bits),
        }
    }
}

fn proximal_accuracy(instance: &Instance) -> Result<Option<f32>> {
    // SAFETY: the struct behind this ID.
    let Some(extension) = (unsafe { instance.extension::<Proximal>(abi::PRIOR_PROXIMAL) }) else { return Ok(None) };
    let accuracy = instance.required("proximal.accuracy", extension.accuracy)?;
    let mut value = 0f32;
    // SAFETY: the instance and the number live through the call.
    let proximal = call_optional(&instance.label, "proximal accuracy", |error| unsafe {
        accuracy(instance.this, &raw mut value, error)
    })?;
    if proximal && !(value >= 0.0 && value.is_finite()) {
        let operation = instance.operation("proximal accuracy");
        return Err(Error::parameter(operation, "accuracy", "a number that is not negative", value));
    }
    Ok(proximal.then_some(value))
}

impl Prior for PluginPrior {
    fn name(&self) -> &str {
        &self.instance.id
    }

    fn spatial_axes(&self) -> SpatialAxes {
        self.instance.spatial_axes
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        let operation = self.instance.operation("denoise");
        self.check(&operation, &noisy, sigma, &clean)?;
        let input = Input::view(&operation, "noisy image", &noisy)?;
        let mut output = Output::view(&operation, "result", clean)?;
        let context = RawContext::new(&operation, context)?;
        let (tensor, result, mut penalty) = (input.raw(), output.raw(), f64::NAN);
        let raw = context.raw();
        // SAFETY: everything lives through the call; `result`, `penalty` and the generator are exclusively the plugin's.
        call(&self.instance.label, "denoise", |error| unsafe {
            (self.denoise)(
                self.instance.this,
                &raw const tensor,
                sigma,
                result,
                &raw mut penalty,
                &raw const raw,
                error,
            )
        })?;
        output.check(&operation, "result")?;
        if penalty.is_infinite() {
            return Err(Error::NotFinite { operation, role: "penalty".into(), index: 0 });
        }
        Ok((!penalty.is_nan()).then_some(penalty))
    }

    fn denoise_batch(
        &self,
        noisy: &[View<'_>],
        sigma: f32,
        clean: &mut [ViewMut<'_>],
        contexts: &mut [PriorContext<'_>],
    ) -> Result<()> {
        let operation = self.instance.operation("denoise (batch)");
        if noisy.len() != clean.len() || noisy.len() != contexts.len() {
            let got = format!("{} results and {} contexts", clean.len(), contexts.len());
            return Err(Error::incompatible(operation, format!("a batch of {}", noisy.len()), got));
        }
        let Some(batch) = self.batch.filter(|_| noisy.len() > 1) else {
            for ((noisy, clean), context) in noisy.iter().zip(clean).zip(contexts) {
                self.denoise(noisy.view(), sigma, clean.view_mut(), context)?;
            }
            return Ok(());
        };
        for (image, clean) in noisy.iter().zip(clean.iter()) {
            self.check(&operation, image, sigma, clean)?;
            if image.shape() != noisy[0].shape() {
                let (expected, got) = (noisy[0].shape().to_vec(), image.shape().to_vec());
                return Err(Error::Shape { operation, role: "image of a batch".into(), expected, got });
            }
        }
        let inputs: Vec<Input<'_>> =
            noisy.iter().map(|image| Input::view(&operation, "noisy image", image)).collect::<Result<_>>()?;
        let mut outputs: Vec<Output<'_, _>> = clean
            .iter_mut()
            .map(|clean| Output::view(&operation, "result", clean.view_mut()))
            .collect::<Result<_>>()?;
        let contexts: Vec<RawContext<'_>> =
            contexts.iter_mut().map(|context| RawContext::new(&operation, context)).collect::<Result<_>>()?;
        let tensors: Vec<Tensor> = inputs.iter().map(Input::raw).collect();
        // SAFETY: `raw` points to the tensor of a living output.
        let mut results: Vec<Tensor> = outputs.iter_mut().map(|output| unsafe { *output.raw() }).collect();
        let raws: Vec<abi::PriorContext> = contexts.iter().map(RawContext::raw).collect();
        let pointers: Vec<*const abi::PriorContext> = raws.iter().map(ptr::from_ref).collect();
        // SAFETY: everything lives through the call; results and generators are exclusively the plugin's.
        call(&self.instance.label, "denoise (batch)", |error| unsafe {
            let (this, count) = (self.instance.this, tensors.len() as u64);
            batch(this, tensors.as_ptr(), sigma, results.as_mut_ptr(), pointers.as_ptr(), count, error)
        })?;
        for (mut output, result) in outputs.into_iter().zip(results) {
            // SAFETY: as above; what the plugin left in the struct is checked with the values.
            unsafe { output.raw().write(result) };
            output.check(&operation, "result")?;
        }
        Ok(())
    }

    fn noise_schedule(&self, steps: usize) -> Result<Option<NoiseSchedule>> {
        // SAFETY: the struct behind this ID.
        let extension = unsafe { self.instance.extension::<abi::NoiseSchedule>(abi::PRIOR_NOISE_SCHEDULE) };
        let Some(extension) = extension else { return Ok(None) };
        let schedule = self.instance.required("noise_schedule.schedule", extension.schedule)?;
        let mut entries = vec![abi::ScheduleEntry::default(); steps];
        let mut written = 0u64;
        // SAFETY: the instance and the room for `steps` entries live through the call.
        let annealed = call_optional(&self.instance.label, "noise schedule", |error| unsafe {
            schedule(self.instance.this, steps as u64, entries.as_mut_ptr(), &raw mut written, error)
        })?;
        if !annealed {
            return Ok(None);
        }
        let written = usize::try_from(written).unwrap_or(usize::MAX);
        let operation = self.instance.operation("noise schedule");
        let Some(entries) = entries.get(..written) else {
            return Err(Error::parameter(operation, "entries", format!("at most {steps}"), written));
        };
        let valid =
            |(i, entry): (usize, &abi::ScheduleEntry)| entry.index == i as u64 && entry.abar > 0.0 && entry.abar <= 1.0;
        if !entries.iter().enumerate().all(valid) {
            let expected = "indices 0, 1, .. and abar in (0, 1]";
            return Err(Error::parameter(operation, "entries", expected, format!("{entries:?}")));
        }
        let entry = |entry: &abi::ScheduleEntry| ScheduleEntry {
            index: entry.index as usize,
            timestep: entry.timestep as usize,
            abar: entry.abar,
        };
        Ok(Some(NoiseSchedule { entries: entries.iter().map(entry).collect() }))
    }

    fn proximal_accuracy(&self) -> Option<f32> {
        self.proximal_accuracy
    }

    fn gaussian_root(&self, coefficients: usize, image: &ImageShape) -> Result<Option<GaussianRoot>> {
        // SAFETY: the struct behind this ID.
        let extension = unsafe { self.instance.extension::<abi::Gaussian>(abi::PRIOR_GAUSSIAN) };
        let Some(extension) = extension else { return Ok(None) };
        let root = self.instance.required("gaussian.root", extension.root)?;
        let shape = [&[coefficients, coefficients], image.lengths()].concat();
        let mut energy_ratio = f32::NAN;
        let matrices = self.instance.real_matrices("Gaussian root", &shape, |matrices, error| {
            // SAFETY: the instance, the tensor and the number live through the call.
            unsafe { root(self.instance.this, matrices, &raw mut energy_ratio, error) }
        })?;
        let Some(matrices) = matrices else { return Ok(None) };
        if !(energy_ratio.is_finite() && energy_ratio > 0.0) {
            let operation = self.instance.operation("Gaussian root");
            return Err(Error::parameter(operation, "energy ratio", "a positive number", energy_ratio));
        }
        Ok(Some(GaussianRoot { matrices, energy_ratio }))
    }
}

unsafe extern "C" fn random_normal(random: *mut c_void, out: *mut f32, n: u64) {
    // SAFETY: `random` is the generator of the running call, used on its thread only.
    let rng = unsafe { &mut *random.cast::<Rng>() };
    for i in 0..n as usize {
        // SAFETY: the plugin has room for `n` numbers.
        unsafe { out.add(i).write(rng.sample(StandardNormal)) };
    }
}

unsafe extern "C" fn random_bits(random: *mut c_void, out: *mut u64, n: u64) {
    // SAFETY: `random` is the generator of the running call, used on its thread only.
    let rng = unsafe { &mut *random.cast::<Rng>() };
    for i in 0..n as usize {
        // SAFETY: the plugin has room for `n` words.
        unsafe { out.add(i).write(rng.random()) };
    }
}
