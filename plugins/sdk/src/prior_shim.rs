//! A [`Prior`] behind a C vtable.

use std::ffi::c_void;
use std::{ptr, slice};

use diph_core::{ImageShape, Prior, Rng, ScheduleEntry};
use diph_plugin_abi::{
    self as abi, Batch, ErrorBuffer, Gaussian, Instance, NamedTensor, NoiseSchedule, PriorVtable, Proximal, Status,
    Str, Tensor, copy_sized,
};
use num_complex::Complex32;
use rand::SeedableRng;

use crate::failure::{Failure, guarded, guarded_or};
use crate::tensors::{assign, same_shape, text, view, view_mut};

/// Namespace of the functions that the vtable points to; `this` is a boxed `T`.
pub(crate) struct PriorShim<T>(T);

impl<T: Prior + 'static> PriorShim<T> {
    const VTABLE: PriorVtable = PriorVtable {
        struct_size: size_of::<PriorVtable>() as u64,
        destroy: Some(Self::destroy),
        get_extension: Some(Self::get_extension),
        denoise: Some(Self::denoise),
    };

    const NOISE_SCHEDULE: NoiseSchedule =
        NoiseSchedule { struct_size: size_of::<NoiseSchedule>() as u64, schedule: Some(Self::noise_schedule) };

    const PROXIMAL: Proximal = Proximal { struct_size: size_of::<Proximal>() as u64, accuracy: Some(Self::accuracy) };

    const GAUSSIAN: Gaussian = Gaussian { struct_size: size_of::<Gaussian>() as u64, root: Some(Self::gaussian_root) };

    const BATCH: Batch = Batch { struct_size: size_of::<Batch>() as u64, denoise: Some(Self::denoise_batch) };

    pub(crate) fn instance(prior: T) -> Instance {
        Instance {
            vtable: ptr::from_ref(&Self::VTABLE).cast(),
            this: Box::into_raw(Box::new(Self(prior))).cast(),
            ..Instance::default()
        }
    }

    /// # Safety
    /// `this` came out of [`instance`](Self::instance) and is not destroyed.
    unsafe fn prior<'a>(this: *mut c_void) -> &'a T {
        // SAFETY: by the caller's promise.
        unsafe { &(*this.cast::<Self>()).0 }
    }

    unsafe extern "C" fn destroy(this: *mut c_void) {
        // SAFETY: the host calls it once, with what `instance` gave.
        guarded_or((), || drop(unsafe { Box::from_raw(this.cast::<Self>()) }));
    }

    unsafe extern "C" fn get_extension(_this: *mut c_void, id: Str) -> *const c_void {
        // SAFETY: the host keeps the text alive for the call.
        match unsafe { id.as_str() } {
            Some(abi::PRIOR_NOISE_SCHEDULE) => ptr::from_ref(&Self::NOISE_SCHEDULE).cast(),
            Some(abi::PRIOR_BATCH) => ptr::from_ref(&Self::BATCH).cast(),
            Some(abi::PRIOR_GAUSSIAN) => ptr::from_ref(&Self::GAUSSIAN).cast(),
            Some(abi::PRIOR_PROXIMAL) => ptr::from_ref(&Self::PROXIMAL).cast(),
            _ => ptr::null(),
        }
    }

    unsafe extern "C" fn denoise(
        this: *mut c_void,
        noisy: *const Tensor,
        sigma: f32,
        clean: *mut Tensor,
        penalty: *mut f64,
        context: *const abi::PriorContext,
        error: *mut ErrorBuffer,
    ) -> Status {
        let denoise = || {
            // SAFETY: the host keeps the header's rules for all pointers.
            let (prior, noisy, clean, raw) = unsafe {
                let raw = copy_sized(context).map_err(|e| Failure::argument(format!("context: {e}")))?;
                (Self::prior(this), view("noisy", noisy)?, view_mut("clean", clean)?, raw)
            };
            same_shape("clean", noisy.shape(), clean.shape())?;
            // SAFETY: as above.
            let (schedule, conditions, mut rng) = unsafe { (schedule(&raw), conditions(&raw)?, generator(&raw)?) };
            let mut context = diph_core::PriorContext { schedule, conditions: &conditions, rng: &mut rng };
            let found = prior.denoise(noisy, sigma, clean, &mut context)?;
            if !penalty.is_null() {
                // SAFETY: not null, the host's for the call.
                unsafe { penalty.write(found.unwrap_or(f64::NAN)) };
            }
            Ok(())
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, denoise) }
    }

    unsafe extern "C" fn denoise_batch(
        this: *mut c_void,
        noisy: *const Tensor,
        sigma: f32,
        clean: *mut Tensor,
        contexts: *const *const abi::PriorContext,
        count: u64,
        error: *mut ErrorBuffer,
    ) -> Status {
        let denoise = || {
            let count = usize::try_from(count).map_err(|_| Failure::argument("an impossible number of images"))?;
            if noisy.is_null() || clean.is_null() || contexts.is_null() {
                return Err(Failure::argument("a null pointer to a batch"));
            }
            let (mut images, mut results, mut raws) = (Vec::new(), Vec::new(), Vec::new());
            for i in 0..count {
                // SAFETY: the host keeps the header's rules for all pointers, and `i` is less than their number.
                unsafe {
                    images.push(view("noisy", noisy.add(i))?);
                    results.push(view_mut("clean", clean.add(i))?);
                    raws.push(copy_sized(*contexts.add(i)).map_err(|e| Failure::argument(format!("context: {e}")))?);
                }
                same_shape("clean", images[i].shape(), results[i].shape())?;
            }
            // SAFETY: as above.
            let part = |raw| unsafe { Ok((schedule(raw), conditions(raw)?, generator(raw)?)) };
            let mut parts: Vec<_> = raws.iter().map(part).collect::<Result<_, Failure>>()?;
            // SAFETY: the host passes what `instance` gave.
            let prior = unsafe { Self::prior(this) };
            let mut contexts: Vec<_> = parts
                .iter_mut()
                .map(|(schedule, conditions, rng)| diph_core::PriorContext { schedule: *schedule, conditions, rng })
                .collect();
            Ok(prior.denoise_batch(&images, sigma, &mut results, &mut contexts)?)
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, denoise) }
    }

    unsafe extern "C" fn noise_schedule(
        this: *mut c_void,
        steps: u64,
        entries: *mut abi::ScheduleEntry,
        written: *mut u64,
        error: *mut ErrorBuffer,
    ) -> Status {
        let fill = || {
            let steps = usize::try_from(steps).map_err(|_| Failure::argument("an impossible number of steps"))?;
            // SAFETY: the host passes what `instance` gave.
            let schedule = unsafe { Self::prior(this) }.noise_schedule(steps)?.ok_or_else(Failure::unsupported)?;
            if schedule.entries.len() > steps {
                let n = schedule.entries.len();
                return Err(Failure::shape(format!(
                    "noise schedule: {n} entries where at most {steps} were asked for"
                )));
            }
            if entries.is_null() || written.is_null() {
                return Err(Failure::argument("noise schedule: a null pointer"));
            }
            for (i, entry) in schedule.entries.iter().enumerate() {
                let (index, timestep) = (entry.index as u64, entry.timestep as u64);
                // SAFETY: the host has room for `steps` entries, and `i` is less.
                unsafe { entries.add(i).write(abi::ScheduleEntry { index, timestep, abar: entry.abar }) };
            }
            // SAFETY: not null, the host's for the call.
            unsafe { written.write(schedule.entries.len() as u64) };
            Ok(())
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, fill) }
    }

    unsafe extern "C" fn gaussian_root(
        this: *mut c_void,
        matrices: *mut Tensor,
        energy_ratio: *mut f32,
        error: *mut ErrorBuffer,
    ) -> Status {
        let fill = || {
            // SAFETY: the host keeps the header's rules for all pointers.
            let (prior, shape) =
                unsafe { (Self::prior(this), view_mut::<f32>("matrices", matrices)?.shape().to_vec()) };
            let image = ImageShape::split("matrices", shape.get(1..).unwrap_or_default());
            let (coefficients, image) =
                image.map_err(|_| Failure::shape(format!("matrices: expected (K, K, [z,] y, x), got {shape:?}")))?;
            let root = prior.gaussian_root(coefficients, &image)?.ok_or_else(Failure::unsupported)?;
            // SAFETY: as above.
            unsafe {
                assign("matrices", matrices, &root.matrices)?;
                write(energy_ratio, Some(root.energy_ratio))
            }
        };
        // SAFETY: the host keeps the header's rules for the buffer.
        unsafe { guarded(error, fill) }
    }

    unsafe extern "C" fn accuracy(this: *mut c_void, value: *mut f32, error: *mut ErrorBuffer) -> Status {
        // SAFETY: the host keeps the header's rules for all pointers.
        unsafe { guarded(error, || write(value, Self::prior(this).proximal_accuracy())) }
    }
}

/// # Safety
/// `out` is null or the host's for the call.
unsafe fn write<V>(out: *mut V, value: Option<V>) -> Result<(), Failure> {
    let value = value.ok_or_else(Failure::unsupported)?;
    if out.is_null() {
        return Err(Failure::argument("a null pointer for the result"));
    }
    // SAFETY: not null, the host's for the call.
    unsafe { out.write(value) };
    Ok(())
}

/// # Safety
/// `context` is as the header describes it, for the call.
unsafe fn schedule(context: &abi::PriorContext) -> Option<ScheduleEntry> {
    if context.schedule.is_null() {
        return None;
    }
    // SAFETY: not null, alive for the call.
    let entry = unsafe { context.schedule.read() };
    Some(ScheduleEntry { index: entry.index as usize, timestep: entry.timestep as usize, abar: entry.abar })
}

/// # Safety
/// `context` is as the header describes it, for the call.
unsafe fn conditions(context: &abi::PriorContext) -> Result<diph_core::Conditions<'_>, Failure> {
    let n = context.condition_count as usize;
    if n == 0 {
        return Ok(diph_core::Conditions::new());
    }
    if context.conditions.is_null() {
        return Err(Failure::argument("conditions: a null pointer"));
    }
    // SAFETY: not null, with `n` elements by the caller's promise.
    let tensors: &[NamedTensor] = unsafe { slice::from_raw_parts(context.conditions, n) };
    let read = |named: &NamedTensor| {
        // SAFETY: alive for the call.
        unsafe {
            let name = text("name of a condition", named.name)?;
            Ok((name.to_owned(), view::<Complex32>(name, &raw const named.tensor)?))
        }
    };
    tensors.iter().map(read).collect()
}

/// A generator seeded from the host's: one draw of four words per call, whether the prior is random or not.
///
/// # Safety
/// `context` is as the header describes it, for the call.
unsafe fn generator(context: &abi::PriorContext) -> Result<Rng, Failure> {
    let bits = context.random_bits.ok_or_else(|| Failure::argument("context: no random_bits"))?;
    let mut words = [0u64; 4];
    // SAFETY: room for four words, on the thread of the call.
    unsafe { bits(context.random, words.as_mut_ptr(), words.len() as u64) };
    let mut seed = [0u8; 32];
    for (bytes, word) in seed.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    Ok(Rng::from_seed(seed))
}
