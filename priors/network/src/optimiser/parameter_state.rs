//! A parameter with all that the optimiser knows about it.

use candle_core::{Device, Tensor, Var};

use crate::Result;

/// A parameter, the moments of its gradient and its averages, all of the same length.
#[derive(Debug)]
pub struct ParameterState {
    /// Name in guided-diffusion's state dict.
    pub name: String,
    /// The parameter. The network holds tensors of the same memory.
    pub variable: Var,
    /// Running mean of the gradient.
    pub first_moment: Vec<f32>,
    /// Running mean of its square.
    pub second_moment: Vec<f32>,
    /// Exponential moving averages of the parameter, one for each rate.
    pub averages: Vec<Vec<f32>>,
}

impl ParameterState {
    /// Before the first step: moments zero, averages equal to the parameter.
    ///
    /// # Errors
    /// When the tensor is not f32.
    pub fn new(name: String, tensor: &Tensor, averages: usize) -> Result<Self> {
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let zeros = vec![0.0; values.len()];
        Ok(Self {
            name,
            variable: Var::from_vec(values.clone(), tensor.shape(), &Device::Cpu)?,
            first_moment: zeros.clone(),
            second_moment: zeros,
            averages: vec![values; averages],
        })
    }
}
