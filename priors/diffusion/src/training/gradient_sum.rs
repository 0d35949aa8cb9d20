//! Gradients of several backward passes.

use candle_core::Tensor;
use candle_core::backprop::GradStore;

use super::parameter_state::ParameterState;
use crate::{Result, ops};

/// The sum of the gradients of every parameter.
pub(super) struct GradientSum<'a> {
    parameters: &'a [ParameterState],
    sums: Vec<Option<Tensor>>,
}

impl<'a> GradientSum<'a> {
    pub fn new(parameters: &'a [ParameterState]) -> Self {
        Self { parameters, sums: vec![None; parameters.len()] }
    }

    /// Takes the gradients that are there.
    pub fn add(&mut self, gradients: &mut GradStore) -> Result<()> {
        for (sum, parameter) in self.sums.iter_mut().zip(self.parameters) {
            let Some(gradient) = gradients.remove(&parameter.variable) else {
                continue;
            };
            *sum = Some(match sum.take() {
                Some(sum) => ops::add(&sum, &gradient)?,
                None => gradient.contiguous()?,
            });
        }
        Ok(())
    }

    /// In the order of the parameters; zero where nothing depended on one.
    pub fn finish(self) -> Result<Vec<Tensor>> {
        let or_zero = |(sum, parameter): (Option<Tensor>, &ParameterState)| match sum {
            Some(sum) => Ok(sum),
            None => Ok(parameter.variable.zeros_like()?),
        };
        self.sums.into_iter().zip(self.parameters).map(or_zero).collect()
    }
}
