//! The gradients of parameters.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Arena, Buffer};
use crate::{Parameter, Tensor};

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
