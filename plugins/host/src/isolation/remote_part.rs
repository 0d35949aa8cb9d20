//! A part that lives in the process of a worker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use diph_core::{Error, Estimator, ForwardOperator, PhysicsProjector, Prior, Result, View, ViewMut};
use num_complex::Complex32;

use super::message::{Answer, Axes, Call, Creation, PartFacts, Request, TensorForm};
use super::remote_parts::{RemoteEstimator, RemoteOperator, RemotePrior, RemoteProjector};
use super::worker::{Job, NONSENSE, Worker};
use crate::tensors::OutputElement;
use crate::{Acquisition, ArrayData};

/// A part of any kind in the process of a worker, and what it was created from: should the process die, the next call creates it
/// again in a new one.
pub(crate) struct RemotePart {
    worker: Arc<Worker>,
    /// ID of the component.
    pub(super) id: String,
    /// Names the plugin in errors.
    pub(super) label: String,
    number: u64,
    /// Which start of the worker it lives in; 0 before the first.
    home: AtomicU64,
    creation: Creation,
    arrays: Vec<ArrayData<'static>>,
    facts: PartFacts,
}

impl Creation {
    /// What a part is created from, without the arrays that it does not use.
    pub(crate) fn new(
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
        uses: impl Fn(&str) -> bool,
    ) -> Self {
        let form = |data: &ArrayData<'_>| TensorForm { dtype: data.element_type(), shape: data.shape().to_vec() };
        let arrays = acquisition.arrays().iter().filter(|array| uses(&array.name));
        Self {
            id: id.into(),
            options: options.clone(),
            facts: acquisition.facts.clone(),
            arrays: arrays.map(|array| (array.name.clone(), form(&array.data))).collect(),
        }
    }
}

impl RemotePart {
    /// Creates the part.
    ///
    /// # Errors
    /// What the plugin says, or how its process ended.
    pub(crate) fn create(
        worker: &Arc<Worker>,
        label: String,
        id: &str,
        options: &serde_json::Value,
        acquisition: &Acquisition<'_>,
        uses: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let creation = Creation::new(id, options, acquisition, &uses);
        let arrays = acquisition.arrays().iter().filter(|array| uses(&array.name));
        let mut part = Self {
            worker: Arc::clone(worker),
            id: id.into(),
            label,
            number: worker.number(),
            home: AtomicU64::new(0),
            creation,
            arrays: arrays.map(|array| array.data.to_static()).collect(),
            // Replaced by those of the first creation.
            facts: PartFacts::Estimator { inputs: Vec::new(), parameters: Vec::new() },
        };
        part.facts = worker.create(&part)?;
        Ok(part)
    }

    /// The start of the worker in which it lives.
    pub(super) fn home(&self) -> u64 {
        self.home.load(Ordering::Relaxed)
    }

    pub(super) fn moves_to(&self, start: u64) {
        self.home.store(start, Ordering::Relaxed);
    }

    /// Fails where the part that was created again is another than before.
    pub(super) fn check_facts(&self, facts: &PartFacts) -> Result<()> {
        match *facts == self.facts {
            true => Ok(()),
            false => Err(Error::external(&self.label, "create: it made another part from the same arrays than before")),
        }
    }

    pub(super) fn facts(&self) -> &PartFacts {
        &self.facts
    }

    /// The request that creates it; `forms` are those of its arrays.
    pub(super) fn creation_request(&self) -> (Request, Vec<TensorForm>, Vec<&[u8]>) {
        let forms = self.creation.arrays.iter().map(|(_, form)| form.clone()).collect();
        let request = Request::Create { part: self.number, creation: self.creation.clone() };
        (request, forms, self.arrays.iter().map(ArrayData::bytes).collect())
    }

    /// Calls the part. `function` names the call in errors.
    pub(super) fn call(
        &self,
        function: &str,
        call: Call,
        forms: &[TensorForm],
        inputs: &[&[u8]],
        outputs: Vec<&mut [u8]>,
    ) -> Result<Answer> {
        let request = Request::Call { part: self.number, call, tensors: forms.to_vec() };
        self.worker.run_for(self, Job { label: &self.label, function, request, forms, inputs, outputs })
    }

    /// As [`call`](Self::call), for calls that only write tensors.
    pub(super) fn run(
        &self,
        function: &str,
        call: Call,
        forms: &[TensorForm],
        inputs: &[&[u8]],
        outputs: Vec<&mut [u8]>,
    ) -> Result<()> {
        match self.call(function, call, forms, inputs, outputs)? {
            Answer::Done => Ok(()),
            _ => Err(self.nonsense()),
        }
    }

    /// `label: function`, for errors.
    pub(super) fn operation(&self, function: &str) -> String {
        format!("{}: {function}", self.label)
    }

    pub(super) fn nonsense(&self) -> Error {
        Error::external(&self.label, NONSENSE)
    }

    /// As an operator.
    pub(crate) fn operator(self) -> Result<Box<dyn ForwardOperator>> {
        Ok(Box::new(RemoteOperator::new(self)?))
    }

    /// As a prior of the image that it was created for: the worker runs a prior of planes over those of a volume.
    pub(crate) fn prior(self) -> Result<Box<dyn Prior>> {
        Ok(Box::new(RemotePrior::new(self)?))
    }

    /// As a projector.
    pub(crate) fn projector(self) -> Result<Box<dyn PhysicsProjector>> {
        Ok(Box::new(RemoteProjector::new(self)?))
    }

    /// As an estimator.
    pub(crate) fn estimator(self) -> Result<Box<dyn Estimator>> {
        Ok(Box::new(RemoteEstimator::new(self)?))
    }
}

impl Drop for RemotePart {
    fn drop(&mut self) {
        let request = Request::Destroy { part: self.number };
        self.worker.destroy(self, Job::plain(&self.label, "destroy", request));
    }
}

/// A space of a worker, which is checked like one of a plugin.
pub(super) fn space(axes: &Axes) -> Option<diph_core::Space> {
    let lengths = axes.iter().try_fold(1usize, |product, (_, length)| product.checked_mul(*length))?;
    let fits = lengths > 0 && lengths <= isize::MAX as usize / size_of::<Complex32>();
    fits.then(|| diph_core::Space::new(axes.clone()))
}

/// The bytes of a C-contiguous view.
pub(super) fn bytes<'a>(operation: &str, role: &str, view: &View<'a>) -> Result<&'a [u8]> {
    let values = view.to_slice().ok_or_else(|| not_contiguous(operation, role))?;
    Ok(bytes_of(values))
}

/// The numbers of a C-contiguous view, to be written.
pub(super) fn values_mut<'a>(operation: &str, role: &str, view: ViewMut<'a>) -> Result<&'a mut [Complex32]> {
    view.into_slice().ok_or_else(|| not_contiguous(operation, role))
}

pub(super) fn not_contiguous(operation: &str, role: &str) -> Error {
    Error::NotContiguous { operation: operation.into(), role: role.into() }
}

/// The bytes of numbers.
pub(super) fn bytes_of<A: OutputElement>(values: &[A]) -> &[u8] {
    // SAFETY: floats and pairs of floats, without padding.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// The bytes of numbers, to be written.
pub(super) fn bytes_of_mut<A: OutputElement>(values: &mut [A]) -> &mut [u8] {
    // SAFETY: as above, and every pattern of bits is a float.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// Fails where a result is not finite: a worker is not to be believed.
pub(super) fn check_finite<A: OutputElement>(operation: &str, role: &str, values: &[A]) -> Result<()> {
    if A::all_finite(values) {
        return Ok(());
    }
    let index = values.iter().position(|value| !value.finite()).unwrap_or_default();
    Err(Error::NotFinite { operation: operation.into(), role: role.into(), index })
}
