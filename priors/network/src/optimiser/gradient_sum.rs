//! Gradients of several backward passes.

use super::parameter_state::ParameterState;
use crate::tape::{Arena, Buffer, Gradients, add_values};

/// The sum of the gradients of every parameter.
pub struct GradientSum<'a> {
    parameters: &'a [ParameterState],
    sums: Vec<Option<Buffer>>,
}

impl<'a> GradientSum<'a> {
    /// Nothing yet.
    pub fn new(parameters: &'a [ParameterState]) -> Self {
        Self { parameters, sums: parameters.iter().map(|_| None).collect() }
    }

    /// Adds the gradients that are there.
    pub fn add(&mut self, mut gradients: Gradients) {
        for (sum, parameter) in self.sums.iter_mut().zip(self.parameters) {
            let Some(gradient) = gradients.take(&parameter.variable) else {
                continue;
            };
            match sum {
                Some(sum) => add_values(sum, &gradient),
                None => *sum = Some(gradient),
            }
        }
    }

    /// In the order of the parameters; zero where nothing depended on one.
    pub fn finish(self, arena: &Arena) -> Vec<Buffer> {
        let or_zero = |(sum, parameter): (Option<Buffer>, &ParameterState)| {
            sum.unwrap_or_else(|| arena.zeros(parameter.variable.count()))
        };
        self.sums.into_iter().zip(self.parameters).map(or_zero).collect()
    }
}
