//! The worker: a process that opens one library and does what the host asks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use diph_core::{Conditions, Error, ImageShape, ParameterMaps, PriorContext, Result, View, ViewMut};
use ndarray::{ArrayD, ArrayView, ArrayViewMut, IxDyn};
use num_complex::{Complex32, Complex64};

use crate::isolation::arena::{Arena, places};
use crate::isolation::message::{
    Answer, Call, Context, Creation, Failure, Generator, Map, PartFacts, Parts, Request, TensorForm, Word, axes, entry,
    receive, schedule_entry, send,
};
use crate::isolation::remote_parts::axes_of;
use crate::{Acquisition, ArrayData, ElementType, HostServices, PluginInstance, Registry};

/// Progress that comes faster is not passed on: a word is cheaper than a message.
const PROGRESS: Duration = Duration::from_millis(100);

/// Opens the library and does what the host asks through standard input and output, until the host has gone. What plugins say to
/// `services` goes to the host; whatever they print comes on standard error.
///
/// # Errors
/// When standard input and output are not those that a host gives to a worker, or the host cannot be reached any more.
pub fn serve_isolated(library: &Path, services: HostServices, allows_untrusted: bool) -> io::Result<()> {
    let (mut requests, memory) = take_standard_streams()?;
    let words = Arc::new(Mutex::new(requests.try_clone()?));
    let services = tell(services, &words);
    let registry = Registry::new(services).allowing_untrusted(allows_untrusted);
    let mut desk = Desk { registry, parts: BTreeMap::new(), arena: Arena::of(memory) };
    end_with(parent_id());
    while let Some(request) = receive::<Request>(&mut requests)? {
        let answer = desk.answer(library, request);
        say(&words, &Word::Answer(answer))?;
    }
    Ok(())
}

/// The socket and the memory that stand in the place of standard input and output. Plugins get nothing to read, and what they
/// print comes on standard error.
fn take_standard_streams() -> io::Result<(UnixStream, File)> {
    const FIRST_FREE: i32 = 3;
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), FIRST_FREE)?;
    let memory = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), FIRST_FREE)?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok((socket.into(), memory.into()))
}

/// Ends this process when the one that started it has gone: nobody hears the answer any more, and a plugin may never give one.
fn end_with(host: u32) {
    thread::spawn(move || {
        while parent_id() == host {
            thread::sleep(Duration::from_secs(1));
        }
        std::process::exit(1);
    });
}

fn say(words: &Mutex<UnixStream>, word: &Word) -> io::Result<()> {
    send(&mut *words.lock().unwrap_or_else(PoisonError::into_inner), word)
}

/// The services, whose words go to the host.
fn tell(services: HostServices, words: &Arc<Mutex<UnixStream>>) -> HostServices {
    let (log, progress) = (Arc::clone(words), Arc::clone(words));
    let last = Mutex::new(None::<Instant>);
    services
        .on_log(move |component, level, message| {
            // A host that has gone hears nothing; the loop ends by itself.
            let _ = say(&log, &Word::Log(component.into(), level as i32, message.into()));
        })
        .on_progress(move |component, task, done, total| {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_none_or(|last| last.elapsed() >= PROGRESS) {
                *last = Some(Instant::now());
                let _ = say(&progress, &Word::Progress(component.into(), task.into(), done, total));
            }
        })
}

/// What the worker has, and how it answers.
struct Desk {
    registry: Registry,
    parts: BTreeMap<u64, PluginInstance>,
    arena: Arena,
}

impl Desk {
    fn answer(&mut self, library: &Path, request: Request) -> std::result::Result<Answer, Failure> {
        match request {
            Request::Open => {
                let opened = self.registry.open(library).map_err(Failure::in_words)?;
                Ok(Answer::Library(opened.abi_version().1, opened.descriptors().to_vec()))
            }
            Request::Memory { creation, uses_normal } => {
                let (id, arrays) = (&creation.id, announced(&creation));
                let parts = self.registry.memory_estimate(id, &creation.options, &arrays, uses_normal)?;
                Ok(Answer::Memory(parts.as_ref().map(Parts::of)))
            }
            Request::Time { creation, calls } => {
                let (id, arrays) = (&creation.id, announced(&creation));
                let time = self.registry.time_estimate(id, &creation.options, &arrays, calls)?;
                Ok(Answer::Seconds(time.map(|time| time.as_secs_f64())))
            }
            Request::Create { part, creation } => {
                let forms: Vec<TensorForm> = creation.arrays.iter().map(|(_, form)| form.clone()).collect();
                let tensors = Tensors::see(&mut self.arena, &forms)?;
                let mut acquisition = Acquisition::new(creation.facts.clone());
                for (index, (name, _)) in creation.arrays.iter().enumerate() {
                    acquisition = acquisition.with(name, tensors.array(index)?);
                }
                let instance = self.registry.create(&creation.id, &creation.options, &acquisition)?;
                let facts = facts(&instance);
                self.parts.insert(part, instance);
                Ok(Answer::Created(facts))
            }
            Request::Destroy { part } => {
                self.parts.remove(&part);
                Ok(Answer::Done)
            }
            Request::Call { part, call, tensors } => {
                let instance =
                    self.parts.get(&part).ok_or_else(|| Error::external("worker", "a part that nobody created"))?;
                let mut tensors = Tensors::see(&mut self.arena, &tensors)?;
                Ok(run(instance, &call, &mut tensors)?)
            }
        }
    }
}

fn announced(creation: &Creation) -> Acquisition<'static> {
    creation.arrays.iter().fold(Acquisition::new(creation.facts.clone()), |acquisition, (name, form)| {
        acquisition.with(name, ArrayData::Announced(form.dtype, form.shape.clone()))
    })
}

fn facts(instance: &PluginInstance) -> PartFacts {
    use diph_core::{Estimator, ForwardOperator, PhysicsProjector};
    match instance {
        PluginInstance::Operator(operator) => PartFacts::Operator {
            domain: axes(operator.domain()),
            range: axes(operator.range()),
            has_inverse: operator.regularised_inverse().is_some(),
            has_preconditioner: operator.preconditioner().is_some(),
        },
        PluginInstance::Prior(prior) => {
            PartFacts::Prior { spatial_axes: axes_of(&**prior), proximal_accuracy: prior.proximal_accuracy() }
        }
        PluginInstance::Projector(projector) => {
            PartFacts::Projector { coefficients: projector.coefficients(), parameters: projector.parameters().to_vec() }
        }
        PluginInstance::Estimator(estimator) => {
            PartFacts::Estimator { inputs: estimator.inputs().to_vec(), parameters: estimator.parameters().to_vec() }
        }
    }
}

/// Tensors of a request in the shared memory.
struct Tensors<'a> {
    arena: &'a Arena,
    forms: &'a [TensorForm],
    offsets: Vec<usize>,
}

impl<'a> Tensors<'a> {
    fn see(arena: &'a mut Arena, forms: &'a [TensorForm]) -> Result<Self> {
        let (offsets, bytes) = places(forms).ok_or_else(|| Error::external("worker", "impossible tensors"))?;
        arena.see(bytes).map_err(failed)?;
        Ok(Self { arena, forms, offsets })
    }

    fn form(&self, index: usize) -> Result<(&'a TensorForm, usize)> {
        let missing = || Error::external("worker", "a tensor is missing");
        Ok((self.forms.get(index).ok_or_else(missing)?, self.offsets[index]))
    }

    /// A tensor that the host has written.
    fn view<T>(&self, index: usize) -> Result<ArrayView<'a, T, IxDyn>> {
        let (form, offset) = self.form(index)?;
        // SAFETY: the host waits for the answer; each kind of number here is any pattern of bits, and `places` checked the size.
        let values = unsafe { self.arena.values::<T>(offset, form.count().unwrap_or(0)) }.map_err(failed)?;
        ArrayView::from_shape(IxDyn(&form.shape), values).map_err(failed)
    }

    /// A tensor that the host will read. Each is asked for once.
    fn view_mut<T>(&mut self, index: usize) -> Result<ArrayViewMut<'a, T, IxDyn>> {
        let (form, offset) = self.form(index)?;
        // SAFETY: as above, and nobody else has this tensor, since each is asked for once.
        let values = unsafe { self.arena.values_mut::<T>(offset, form.count().unwrap_or(0)) }.map_err(failed)?;
        ArrayViewMut::from_shape(IxDyn(&form.shape), values).map_err(failed)
    }

    fn images(&self, range: std::ops::Range<usize>) -> Result<Vec<View<'a>>> {
        range.map(|index| self.view(index)).collect()
    }

    /// An array of a creation.
    fn array(&self, index: usize) -> Result<ArrayData<'a>> {
        Ok(match self.form(index)?.0.dtype {
            ElementType::F32 => self.view::<f32>(index)?.into(),
            ElementType::F64 => self.view::<f64>(index)?.into(),
            ElementType::C64 => self.view::<Complex32>(index)?.into(),
            ElementType::C128 => self.view::<Complex64>(index)?.into(),
            ElementType::I32 => self.view::<i32>(index)?.into(),
            ElementType::I64 => self.view::<i64>(index)?.into(),
            ElementType::U8 => self.view::<u8>(index)?.into(),
        })
    }
}

fn failed(error: impl ToString) -> Error {
    Error::external("worker", error)
}

fn run(instance: &PluginInstance, call: &Call, tensors: &mut Tensors<'_>) -> Result<Answer> {
    use diph_core::{Estimator, ForwardOperator, PhysicsProjector};
    match (instance, call) {
        (PluginInstance::Operator(operator), Call::Map(map)) => {
            let (input, result) = (tensors.view(0)?, tensors.view_mut(1)?);
            let gone = || Error::external("worker", "the operator has no such map");
            match *map {
                Map::Forward => operator.forward(input, result)?,
                Map::Adjoint => operator.adjoint(input, result)?,
                Map::Normal => operator.normal(input, result)?,
                Map::Inverse { rho } => operator.regularised_inverse().ok_or_else(gone)?.solve(rho, input, result)?,
                Map::Precondition { rho } => operator.preconditioner().ok_or_else(gone)?.apply(rho, input, result)?,
            }
            Ok(Answer::Done)
        }
        (PluginInstance::Operator(operator), Call::DataWeights) => present(operator.data_weights()?, tensors),
        (PluginInstance::Operator(operator), Call::Symbol) => {
            let symbol = operator.preconditioner().map(|map| map.symbol()).transpose()?.flatten();
            present(symbol, tensors)
        }
        (PluginInstance::Prior(prior), Call::Denoise { sigma, contexts }) => {
            denoise(&**prior, *sigma, contexts, tensors)
        }
        (PluginInstance::Prior(prior), Call::NoiseSchedule { steps }) => {
            let schedule = prior.noise_schedule(*steps)?;
            Ok(Answer::Schedule(schedule.map(|schedule| schedule.entries.iter().map(entry).collect())))
        }
        (PluginInstance::Prior(prior), Call::GaussianRoot { coefficients, image }) => {
            let root = prior.gaussian_root(*coefficients, &ImageShape::try_from(&**image)?)?;
            let ratio = root.as_ref().map(|root| root.energy_ratio);
            present(root.map(|root| root.matrices), tensors)?;
            Ok(Answer::Root(ratio))
        }
        (PluginInstance::Projector(projector), Call::Project { maps }) => {
            let (x, z) = (tensors.view(0)?, tensors.view_mut(1)?);
            match maps {
                false => projector.project(x, z, None)?,
                true => with_maps(tensors, 2, projector.parameters(), |maps| projector.project(x, z, Some(maps)))?,
            }
            Ok(Answer::Done)
        }
        (PluginInstance::Estimator(estimator), Call::Estimate { image, maps }) => {
            let count = estimator.inputs().len();
            let images = tensors.images(0..count)?;
            let images = estimator.inputs().iter().cloned().zip(images.iter().map(|image| image.to_owned())).collect();
            let result = if *image { Some(tensors.view_mut(count)?) } else { None };
            match maps {
                false => estimator.estimate(&images, result, None)?,
                true => with_maps(tensors, count + usize::from(*image), estimator.parameters(), |maps| {
                    estimator.estimate(&images, result, Some(maps))
                })?,
            }
            Ok(Answer::Done)
        }
        _ => Err(Error::external("worker", "a call of another kind of part")),
    }
}

/// Writes real values that a part may have into the first tensor.
fn present(values: Option<ArrayD<f32>>, tensors: &mut Tensors<'_>) -> Result<Answer> {
    let Some(values) = values else { return Ok(Answer::Present(false)) };
    let mut result = tensors.view_mut::<f32>(0)?;
    if result.shape() != values.shape() {
        let (expected, got) = (format!("{:?}", result.shape()), format!("{:?}", values.shape()));
        return Err(Error::incompatible("worker", expected, got));
    }
    result.assign(&values);
    Ok(Answer::Present(true))
}

/// Runs `fill` on maps, whose values and amplitude go into the tensors from `first` on.
fn with_maps(
    tensors: &mut Tensors<'_>,
    first: usize,
    parameters: &[diph_core::Parameter],
    fill: impl FnOnce(&mut ParameterMaps) -> Result<()>,
) -> Result<()> {
    let (mut values, mut amplitude) = (tensors.view_mut::<f32>(first)?, tensors.view_mut::<Complex32>(first + 1)?);
    let mut maps = ParameterMaps::zeros(parameters.to_vec(), &ImageShape::try_from(amplitude.shape())?);
    fill(&mut maps)?;
    values.assign(&maps.values);
    amplitude.assign(&maps.amplitude);
    Ok(())
}

fn denoise(
    prior: &dyn diph_core::Prior,
    sigma: f32,
    contexts: &[Context],
    tensors: &mut Tensors<'_>,
) -> Result<Answer> {
    let noisy = tensors.images(0..contexts.len())?;
    let mut next = contexts.len();
    let mut conditions: Vec<Conditions<'_>> = Vec::new();
    for context in contexts {
        let images = tensors.images(next..next + context.conditions.len())?;
        next += images.len();
        conditions.push(context.conditions.iter().cloned().zip(images).collect());
    }
    let mut clean: Vec<ViewMut<'_>> =
        (next..next + contexts.len()).map(|index| tensors.view_mut(index)).collect::<Result<_>>()?;
    let mut generators: Vec<_> = contexts.iter().map(|context| context.generator.restore()).collect();
    let mut own: Vec<PriorContext<'_>> = contexts
        .iter()
        .zip(&conditions)
        .zip(&mut generators)
        .map(|((context, conditions), rng)| PriorContext {
            schedule: context.schedule.map(schedule_entry),
            conditions,
            rng,
        })
        .collect();
    let penalty = match (&noisy[..], &mut clean[..], &mut own[..]) {
        ([noisy], [clean], [context]) => prior.denoise(noisy.view(), sigma, clean.view_mut(), context)?,
        (noisy, clean, contexts) => {
            prior.denoise_batch(noisy, sigma, clean, contexts)?;
            None
        }
    };
    Ok(Answer::Denoised(penalty, generators.iter().map(Generator::of).collect()))
}
