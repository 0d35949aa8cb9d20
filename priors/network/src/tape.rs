//! What feature maps went through, the way back, and the memory of both.
//!
//! The tape knows no operation: each brings its own [`Step`] back.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::{Parameter, Result, Tensor};

/// Keeps the memory of buffers that are no longer needed for those that come next, so that a network that runs many times allocates
/// in its first run only.
#[derive(Clone, Default)]
pub struct Arena {
    free: Arc<Mutex<Vec<Vec<f32>>>>,
}

/// Memory of an arena, to which it goes back.
pub struct Buffer {
    values: Vec<f32>,
    arena: Arena,
}

impl Arena {
    /// Values of no particular content.
    pub fn buffer(&self, len: usize) -> Buffer {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |values: &Vec<f32>| (len..=2 * len).contains(&values.capacity());
        let best = (0..free.len()).filter(|index| fits(&free[*index])).min_by_key(|index| free[*index].capacity());
        let mut values = best.map(|index| free.swap_remove(index)).unwrap_or_default();
        drop(free);
        values.resize(len, 0.0);
        Buffer { values, arena: self.clone() }
    }

    /// A buffer of `len` zeros from the pool.
    pub fn zeros(&self, len: usize) -> Buffer {
        let mut buffer = self.buffer(len);
        buffer.fill(0.0);
        buffer
    }
}

#[cfg(test)]
impl Arena {
    /// Of everything that is not in use.
    pub fn bytes(&self) -> u64 {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.iter().map(|values| (values.capacity() * size_of::<f32>()) as u64).sum()
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.arena.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(std::mem::take(&mut self.values));
    }
}

/// Values of a task.
const CHUNK: usize = 1 << 14;

/// The gradients of one number with respect to parameters.
pub struct Gradients {
    arena: Arena,
    by_parameter: HashMap<usize, Buffer>,
}

impl Gradients {
    /// No gradients yet; their memory comes from the arena.
    pub(crate) fn new(arena: &Arena) -> Self {
        Self { arena: arena.clone(), by_parameter: HashMap::new() }
    }

    /// Adds to the gradient of a parameter; nothing when it is a constant.
    pub(crate) fn add(&mut self, parameter: &Parameter, gradient: Buffer) {
        if !parameter.is_variable() {
            return;
        }
        match self.by_parameter.get_mut(&parameter.key()) {
            Some(sum) => add_values(sum, &gradient),
            None => drop(self.by_parameter.insert(parameter.key(), gradient)),
        }
    }

    /// As [`Gradients::add`], from a slice.
    pub(crate) fn add_slice(&mut self, parameter: &Parameter, gradient: &[f32]) {
        if parameter.is_variable() {
            let mut buffer = self.arena.buffer(gradient.len());
            buffer.copy_from_slice(gradient);
            self.add(parameter, buffer);
        }
    }

    /// Takes the gradient of a parameter, in its order; `None` when nothing depended on it or it was taken before.
    pub fn take(&mut self, parameter: &Parameter) -> Option<Buffer> {
        self.by_parameter.remove(&parameter.key())
    }

    /// As [`Gradients::take`], with the parameter's shape.
    pub fn take_tensor(&mut self, parameter: &Parameter) -> Option<Tensor> {
        let gradient = self.take(parameter)?;
        Tensor::new(parameter.shape(), gradient.to_vec()).ok()
    }
}

/// `sum += values`.
pub fn add_values(sum: &mut [f32], values: &[f32]) {
    let chunks = sum.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
    chunks.for_each(|(sum, values)| sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value));
}

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
    /// Notes an operation, to be undone in reverse order by the backward pass.
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
    /// Takes the gradient that was gathered so far out of the cell.
    pub fn take(&self) -> Option<Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps a gradient in place of what was known.
    pub fn set(&self, gradient: Buffer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(gradient);
    }

    /// Adds to the gradient that was gathered so far.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back() {
        let arena = Arena::default();
        let first = arena.buffer(100);
        let address = first.as_ptr();
        drop(first);
        assert_ne!(arena.buffer(20).as_ptr(), address, "too large for this");
        let second = arena.buffer(90);
        assert_eq!((second.as_ptr(), second.len()), (address, 90));
        assert_ne!(arena.buffer(90).as_ptr(), address, "in use");
    }
}
