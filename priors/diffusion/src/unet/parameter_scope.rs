//! Where layers get their parameters from.

use candle_core::Tensor;

use super::initialisation::Initialisation;
use crate::Result;

/// Gives out the parameters of a network by name.
pub(crate) trait ParameterSource {
    fn parameter(&mut self, name: &str, shape: &[usize], initialisation: Initialisation) -> Result<Tensor>;
}

/// A source and the prefix of a layer, `input_blocks.1.0.` for example.
pub(crate) struct ParameterScope<'a> {
    source: &'a mut dyn ParameterSource,
    prefix: String,
}

impl<'a> ParameterScope<'a> {
    pub fn new(source: &'a mut dyn ParameterSource) -> Self {
        Self { source, prefix: String::new() }
    }

    /// The scope of a part.
    pub fn part(&mut self, name: impl std::fmt::Display) -> ParameterScope<'_> {
        ParameterScope { prefix: format!("{}{name}.", self.prefix), source: &mut *self.source }
    }

    pub fn get(&mut self, name: &str, shape: &[usize], initialisation: Initialisation) -> Result<Tensor> {
        self.source.parameter(&format!("{}{name}", self.prefix), shape, initialisation)
    }
}
