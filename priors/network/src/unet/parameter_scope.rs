//! Where layers get their parameters from.

use super::initialisation::Initialisation;
use crate::products::precision::Precision;
use crate::{Parameter, Result};

/// Gives out the parameters of a network by name.
pub(crate) trait ParameterSource {
    fn parameter(&mut self, name: &str, shape: &[usize], initialisation: Initialisation) -> Result<Parameter>;
}

/// A source and the prefix of a layer, `input_blocks.1.0.` for example.
pub(crate) struct ParameterScope<'a> {
    source: &'a mut dyn ParameterSource,
    prefix: String,
    precision: Precision,
}

impl<'a> ParameterScope<'a> {
    pub fn new(source: &'a mut dyn ParameterSource, precision: Precision) -> Self {
        Self { source, prefix: String::new(), precision }
    }

    /// The scope of a part.
    pub fn part(&mut self, name: impl std::fmt::Display) -> ParameterScope<'_> {
        let prefix = format!("{}{name}.", self.prefix);
        ParameterScope { prefix, source: &mut *self.source, precision: self.precision }
    }

    /// That of the products in convolutions.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    pub fn get(&mut self, name: &str, shape: &[usize], initialisation: Initialisation) -> Result<Parameter> {
        self.source.parameter(&format!("{}{name}", self.prefix), shape, initialisation)
    }
}
