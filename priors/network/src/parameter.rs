//! What layers read and an optimiser changes.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::Tensor;

/// A parameter of a network. Clones are the same parameter: what an optimiser does to one, networks made from another see.
#[derive(Clone, Debug)]
pub struct Parameter {
    shape: Vec<usize>,
    values: Arc<RwLock<Vec<f32>>>,
    is_variable: bool,
}

impl Parameter {
    /// A parameter that never changes: layers bring it into the order of their kernels once, and nobody asks for its gradient.
    pub fn constant(tensor: Tensor) -> Self {
        Self { shape: tensor.shape().to_vec(), values: Arc::new(RwLock::new(tensor.into_values())), is_variable: false }
    }

    /// A parameter that is trained.
    pub fn variable(tensor: Tensor) -> Self {
        Self { is_variable: true, ..Self::constant(tensor) }
    }

    /// A shape alone, for what is counted and never run.
    pub(crate) fn without_values(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), values: Arc::default(), is_variable: false }
    }

    /// Whether it is more than a shape.
    pub(crate) fn has_values(&self) -> bool {
        self.count() == self.values().len()
    }

    /// Lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many numbers it holds.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is trained.
    pub fn is_variable(&self) -> bool {
        self.is_variable
    }

    /// The values, which do not change while the guard lives.
    pub fn values(&self) -> RwLockReadGuard<'_, Vec<f32>> {
        self.values.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The values, to be changed. The length must stay.
    pub(crate) fn values_mut(&self) -> RwLockWriteGuard<'_, Vec<f32>> {
        self.values.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A copy of the values with their shape.
    pub fn to_tensor(&self) -> Tensor {
        let mut tensor = Tensor::filled(self.shape.clone(), 0.0);
        tensor.values_mut().copy_from_slice(&self.values());
        tensor
    }

    /// What clones of it have in common and other parameters have not.
    pub(crate) fn key(&self) -> usize {
        Arc::as_ptr(&self.values) as usize
    }
}
