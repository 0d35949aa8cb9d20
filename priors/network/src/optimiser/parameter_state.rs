//! A parameter with all that the optimiser knows about it.

use crate::{Parameter, Tensor};

/// A parameter, the moments of its gradient and its averages, all of the same length.
#[derive(Debug)]
pub struct ParameterState {
    /// Name in guided-diffusion's state dict.
    pub name: String,
    /// The parameter, which a network made from it holds too.
    pub variable: Parameter,
    /// Running mean of the gradient.
    pub first_moment: Vec<f32>,
    /// Running mean of its square.
    pub second_moment: Vec<f32>,
    /// Exponential moving averages of the parameter, one for each rate.
    pub averages: Vec<Vec<f32>>,
}

impl ParameterState {
    /// Before the first step: moments zero, as many averages as asked for equal to the parameter.
    pub fn new(name: String, tensor: Tensor, averages: usize) -> Self {
        let zeros = vec![0.0; tensor.values().len()];
        Self {
            name,
            averages: vec![tensor.values().to_vec(); averages],
            variable: Parameter::variable(tensor),
            first_moment: zeros.clone(),
            second_moment: zeros,
        }
    }
}
