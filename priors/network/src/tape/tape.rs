//! The order of operations, and the way back through them.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Buffer, Gradients, add_values};
use crate::Result;

/// The operations that wrote memory, in their order. Maps that only wait to be read are part of the operation that reads them.
#[derive(Clone, Default)]
pub struct Tape {
    steps: Arc<Mutex<Vec<Box<dyn Step>>>>,
}

/// An operation that was run, with what it needs to go back.
pub trait Step: Send {
    /// Takes the gradient of the operation's result, if anything depended on it, to what the operation read.
    fn backward(self: Box<Self>, gradients: &mut Gradients) -> Result<()>;
}

impl Tape {
    /// Notes an operation.
    pub fn record(&self, step: impl Step + 'static) {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(step));
    }

    /// Goes back through all operations. Empties the tape, so that memory goes back to the arena on the way.
    pub fn backward(&self, gradients: &mut Gradients) -> Result<()> {
        while let Some(step) = self.pop() {
            step.backward(gradients)?;
        }
        Ok(())
    }

    fn pop(&self) -> Option<Box<dyn Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// The gradient of something in memory, as far as it is known.
#[derive(Clone, Default)]
pub struct Slot(Arc<Mutex<Option<Buffer>>>);

impl Slot {
    /// Takes what is known.
    pub fn take(&self) -> Option<Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps a gradient in place of what was known.
    pub fn set(&self, gradient: Buffer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(gradient);
    }

    /// Adds to what is known.
    pub fn add(&self, gradient: Buffer) {
        match self.take() {
            Some(mut sum) => {
                add_values(&mut sum, &gradient);
                self.set(sum);
            }
            None => self.set(gradient),
        }
    }
}
