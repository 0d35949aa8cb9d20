//! A library in a process of its own, and how to speak with it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use diph_core::{Error, MemoryEstimate, Result};

use super::Isolation;
use super::arena::places;
use super::message::{Answer, Creation, Failure, PartFacts, Parts, Request, TensorForm};
use super::process::{End, Process};
use super::remote_part::RemotePart;
use crate::{Descriptor, HostServices};

/// A library in a process of its own, which is started when it is needed and again when it has died.
pub(crate) struct Worker {
    library: PathBuf,
    isolation: Arc<Isolation>,
    services: Arc<HostServices>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    process: Option<Process>,
    /// Processes that were started so far; parts of earlier ones are gone.
    starts: u64,
    /// Parts that were created so far.
    parts: u64,
}

/// A request with its tensors.
pub(super) struct Job<'a> {
    /// Names the plugin in errors.
    pub(super) label: &'a str,
    /// Names the function in errors.
    pub(super) function: &'a str,
    pub(super) request: Request,
    /// Forms of all tensors: those that go there, then those that come back.
    pub(super) forms: &'a [TensorForm],
    pub(super) inputs: &'a [&'a [u8]],
    pub(super) outputs: Vec<&'a mut [u8]>,
}

impl<'a> Job<'a> {
    /// A request without tensors.
    pub(super) fn plain(label: &'a str, function: &'a str, request: Request) -> Self {
        Self { label, function, request, forms: &[], inputs: &[], outputs: Vec::new() }
    }

    fn failed(&self, message: impl std::fmt::Display) -> Error {
        Error::external(self.label, format!("{}: {message}", self.function))
    }
}

impl Worker {
    pub(crate) fn new(library: &Path, isolation: Arc<Isolation>, services: Arc<HostServices>) -> Self {
        Self { library: library.into(), isolation, services, state: Mutex::default() }
    }

    /// Minor version of the interface, and the components of the library.
    ///
    /// # Errors
    /// What the worker says, or how it ended.
    pub(crate) fn describe(&self) -> Result<(u32, Vec<Descriptor>)> {
        let label = format!("plugin {}", self.library.display());
        match self.start(&mut self.lock(), &label)? {
            Answer::Library(minor, descriptors) => Ok((minor, descriptors)),
            _ => Err(Error::external(label, NONSENSE)),
        }
    }

    /// As [`Registry::memory_estimate`](crate::Registry::memory_estimate).
    pub(crate) fn memory(&self, label: &str, creation: Creation, uses_normal: bool) -> Result<Option<MemoryEstimate>> {
        let request = Request::Memory { creation, uses_normal };
        match self.run(Job::plain(label, "memory estimate", request))? {
            Answer::Memory(parts) => Ok(parts.as_ref().map(Parts::estimate)),
            _ => Err(Error::external(label, NONSENSE)),
        }
    }

    /// As [`Registry::time_estimate`](crate::Registry::time_estimate), in seconds.
    pub(crate) fn seconds(&self, label: &str, creation: Creation, calls: u64) -> Result<Option<f64>> {
        match self.run(Job::plain(label, "time estimate", Request::Time { creation, calls }))? {
            Answer::Seconds(seconds) => Ok(seconds),
            _ => Err(Error::external(label, NONSENSE)),
        }
    }

    /// A number that no part of this worker has yet.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.lock();
        state.parts += 1;
        state.parts
    }

    fn run(&self, job: Job<'_>) -> Result<Answer> {
        let mut state = self.lock();
        self.started(&mut state, job.label)?;
        self.ask(&mut state, job)
    }

    /// Runs a job of a part, which is created first where the present process does not have it.
    pub(super) fn run_for(&self, part: &RemotePart, job: Job<'_>) -> Result<Answer> {
        let mut state = self.lock();
        self.started(&mut state, job.label)?;
        if part.home() != state.starts {
            let facts = self.settle(&mut state, part)?;
            part.check_facts(&facts)?;
        }
        self.ask(&mut state, job)
    }

    /// Creates a part for the first time.
    pub(super) fn create(&self, part: &RemotePart) -> Result<PartFacts> {
        let mut state = self.lock();
        self.started(&mut state, &part.label)?;
        self.settle(&mut state, part)
    }

    /// Creates a part in the present process.
    fn settle(&self, state: &mut State, part: &RemotePart) -> Result<PartFacts> {
        let (request, forms, inputs) = part.creation_request();
        let (label, function, outputs) = (&*part.label, "create", Vec::new());
        match self.ask(state, Job { label, function, request, forms: &forms, inputs: &inputs, outputs })? {
            Answer::Created(facts) => {
                part.moves_to(state.starts);
                Ok(facts)
            }
            _ => Err(part.nonsense()),
        }
    }

    /// Forgets a part, where its process is still there.
    pub(super) fn destroy(&self, part: &RemotePart, job: Job<'_>) {
        let mut state = self.lock();
        if state.process.is_some() && part.home() == state.starts {
            // Nobody waits for the outcome: what ends the process is told by the next call.
            let _ = self.ask(&mut state, job);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self, state: &mut State, label: &str) -> Result<()> {
        match state.process {
            Some(_) => Ok(()),
            None => self.start(state, label).map(drop),
        }
    }

    fn start(&self, state: &mut State, label: &str) -> Result<Answer> {
        let process = Process::start(&self.isolation, &self.library);
        state.process =
            Some(process.map_err(|error| Error::external(label, format!("starting its process: {error}")))?);
        state.starts += 1;
        let opened = self.ask(state, Job::plain(label, "opening it", Request::Open));
        if opened.is_err() {
            state.process = None;
        }
        opened
    }

    /// Sends a job to the process that is there. Where that ends, so does the job.
    fn ask(&self, state: &mut State, mut job: Job<'_>) -> Result<Answer> {
        let Some(process) = &mut state.process else { return Err(job.failed("its process is gone")) };
        let outcome = exchange(process, &mut job, &self.isolation, &self.services);
        match outcome {
            Ok(answer) => answer.map_err(|failure| failure.error(job.label)),
            Err(end) => {
                state.process = None;
                Err(match end {
                    End::Failed(message) => job.failed(message),
                    End::Cancelled => Error::Cancelled { operation: job.label.into() },
                })
            }
        }
    }
}

/// What stands in errors about answers to another question.
pub(super) const NONSENSE: &str = "its process answered another question";

fn exchange(
    process: &mut Process,
    job: &mut Job<'_>,
    isolation: &Isolation,
    services: &HostServices,
) -> Result<std::result::Result<Answer, Failure>, End> {
    let (offsets, bytes) = places(job.forms).ok_or_else(|| End::Failed("tensors larger than any memory".into()))?;
    process.arena.grow(bytes)?;
    for (offset, input) in offsets.iter().zip(job.inputs) {
        process.arena.write(*offset, input)?;
    }
    let answer = process.ask(&job.request, isolation.time_out, services)?;
    if answer.is_ok() {
        for (offset, output) in offsets[job.inputs.len()..].iter().zip(&mut job.outputs) {
            process.arena.read(*offset, output)?;
        }
    }
    Ok(answer)
}
