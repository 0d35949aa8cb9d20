//! The gradients of parameters.

use std::collections::HashMap;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, TensorId};

use super::arena::{Arena, Buffer};
use super::storage::with_values;
use super::tape::add_values;

/// The gradients of one number with respect to parameters.
pub struct Gradients {
    arena: Arena,
    by_parameter: HashMap<TensorId, Buffer>,
    /// Numbers of which candle knows the dependence on parameters.
    pending: Vec<Tensor>,
    stores: Vec<GradStore>,
}

impl Gradients {
    /// Without any.
    pub(crate) fn new(arena: &Arena) -> Self {
        Self { arena: arena.clone(), by_parameter: HashMap::new(), pending: Vec::new(), stores: Vec::new() }
    }

    /// Adds to the gradient of a parameter; nothing when it is a constant.
    pub(super) fn add(&mut self, parameter: &Tensor, gradient: Buffer) {
        if !parameter.track_op() {
            return;
        }
        match self.by_parameter.get_mut(&parameter.id()) {
            Some(sum) => add_values(sum, &gradient),
            None => drop(self.by_parameter.insert(parameter.id(), gradient)),
        }
    }

    /// Takes the gradient of a tensor that candle may have made from parameters.
    pub(super) fn add_derived(&mut self, tensor: &Tensor, gradient: Vec<f32>) -> Result<()> {
        if tensor.track_op() {
            let gradient = Tensor::from_vec(gradient, tensor.shape(), tensor.device())?;
            // The gradient of this number is the derivative of the tensor, applied to the gradient.
            self.pending.push((tensor * gradient)?.sum_all()?);
        }
        Ok(())
    }

    /// Adds gradients that candle has found.
    pub(crate) fn add_store(&mut self, store: GradStore) {
        self.stores.push(store);
    }

    /// Goes back through what candle knows.
    pub(super) fn finish(&mut self) -> Result<()> {
        let mut numbers = std::mem::take(&mut self.pending).into_iter();
        let Some(first) = numbers.next() else { return Ok(()) };
        let sum = numbers.try_fold(first, |sum, number| sum + number)?;
        self.stores.push(sum.backward()?);
        Ok(())
    }

    /// The gradient of a parameter, in its order; `None` when nothing depended on it.
    ///
    /// # Errors
    /// When the parameter is not f32 on the processor.
    pub fn take(&mut self, parameter: &Tensor) -> Result<Option<Buffer>> {
        let mut sum = self.by_parameter.remove(&parameter.id());
        for gradient in self.stores.iter_mut().filter_map(|store| store.remove(parameter)) {
            with_values("gradient", &gradient, |values| {
                match &mut sum {
                    Some(sum) => add_values(sum, values),
                    None => {
                        let mut buffer = self.arena.buffer(values.len());
                        buffer.copy_from_slice(values);
                        sum = Some(buffer);
                    }
                }
                Ok(())
            })?;
        }
        Ok(sum)
    }

    /// As [`Gradients::take`], as a tensor.
    ///
    /// # Errors
    /// As [`Gradients::take`].
    pub fn take_tensor(&mut self, parameter: &Tensor) -> Result<Option<Tensor>> {
        let gradient = self.take(parameter)?;
        gradient.map(|gradient| Tensor::from_slice(&gradient, parameter.shape(), parameter.device())).transpose()
    }
}
