//! The parameters of a UNet under the names of its state dict: where layers get them from, and what they are before training.

use std::collections::BTreeMap;

use diph_core::Rng;
use rand::RngExt;

use super::{UNet, UNetConfig};
use crate::products::precision::Precision;
use crate::{Error, Parameter, ParameterState, Result, Tensor};

/// The parameters of a network, f32, by their names in guided-diffusion's state dict.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    parameters: BTreeMap<String, Parameter>,
}

impl Parameters {
    /// What training starts from: PyTorch's initialisation, with the last convolution of every block zero.
    ///
    /// # Errors
    /// When the configuration makes no network.
    pub fn initialise(config: &UNetConfig, rng: &mut Rng) -> Result<Self> {
        let mut source = Initialiser { rng, parameters: Self::default() };
        UNet::from_source(config, &mut source, Precision::F32)?;
        Ok(source.parameters)
    }

    /// The name and shape of every parameter.
    ///
    /// # Errors
    /// When the configuration makes no network.
    pub fn shapes(config: &UNetConfig) -> Result<BTreeMap<String, Vec<usize>>> {
        let mut source = Shapes::default();
        UNet::from_source(config, &mut source, Precision::F32)?;
        Ok(source.shapes)
    }

    /// Constants, after a check that they are exactly those of the architecture.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::ExtraTensor`], [`Error::TensorShape`].
    pub fn new(config: &UNetConfig, tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        let constants = tensors.into_iter().map(|(name, tensor)| (name, Parameter::constant(tensor)));
        Self::checked(config, constants.collect())
    }

    /// The variables of an optimiser: what it does to them, networks made from here see.
    ///
    /// # Errors
    /// As [`Parameters::new`].
    pub fn of_states(config: &UNetConfig, states: &[ParameterState]) -> Result<Self> {
        Self::checked(config, states.iter().map(|state| (state.name.clone(), state.variable.clone())).collect())
    }

    fn checked(config: &UNetConfig, parameters: BTreeMap<String, Parameter>) -> Result<Self> {
        let shapes = Self::shapes(config)?;
        for (name, expected) in &shapes {
            let Some(parameter) = parameters.get(name) else {
                return Err(Error::MissingTensor { tensor: name.clone(), expected: expected.clone() });
            };
            if parameter.shape() != expected {
                return Err(Error::TensorShape {
                    tensor: name.clone(),
                    expected: expected.clone(),
                    got: parameter.shape().to_vec(),
                });
            }
        }
        let mut extra = parameters.iter().filter(|(name, _)| !shapes.contains_key(*name));
        if let Some((name, parameter)) = extra.next() {
            return Err(Error::ExtraTensor {
                tensor: name.clone(),
                shape: parameter.shape().to_vec(),
                count: 1 + extra.count(),
            });
        }
        Ok(Self { parameters })
    }

    /// Every parameter with its name, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.parameters.iter().map(|(name, parameter)| (name.as_str(), parameter))
    }

    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.get(name)
    }

    /// Copies of all values by name.
    pub fn to_tensors(&self) -> BTreeMap<String, Tensor> {
        self.parameters.iter().map(|(name, parameter)| (name.clone(), parameter.to_tensor())).collect()
    }

    /// Whether any of them is trained.
    pub fn are_trained(&self) -> bool {
        self.parameters.values().any(Parameter::is_variable)
    }

    /// How many numbers all of them hold.
    pub fn count(&self) -> usize {
        self.parameters.values().map(Parameter::count).sum()
    }
}

impl ParameterSource for &Parameters {
    fn parameter(&mut self, name: &str, shape: &[usize], _: Initialisation) -> Result<Parameter> {
        match self.parameters.get(name) {
            Some(parameter) if parameter.shape() == shape => Ok(parameter.clone()),
            Some(other) => {
                Err(Error::TensorShape { tensor: name.into(), expected: shape.to_vec(), got: other.shape().to_vec() })
            }
            None => Err(Error::MissingTensor { tensor: name.into(), expected: shape.to_vec() }),
        }
    }
}

/// Draws every parameter, in the order in which the network asks.
struct Initialiser<'a> {
    rng: &'a mut Rng,
    parameters: Parameters,
}

impl ParameterSource for Initialiser<'_> {
    fn parameter(&mut self, name: &str, shape: &[usize], initialisation: Initialisation) -> Result<Parameter> {
        let parameter = Parameter::constant(initialisation.tensor(shape, self.rng)?);
        self.parameters.parameters.insert(name.into(), parameter.clone());
        Ok(parameter)
    }
}

/// Notes names and shapes; gives parameters without memory.
#[derive(Default)]
pub(super) struct Shapes {
    pub shapes: BTreeMap<String, Vec<usize>>,
}

impl ParameterSource for Shapes {
    fn parameter(&mut self, name: &str, shape: &[usize], _: Initialisation) -> Result<Parameter> {
        self.shapes.insert(name.into(), shape.to_vec());
        Ok(Parameter::without_values(shape))
    }
}

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

/// What a parameter is before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Initialisation {
    Zeros,
    Ones,
    /// Uniform in +-1 / sqrt(inputs of a unit), as PyTorch has it.
    Uniform {
        fan_in: usize,
    },
}

impl Initialisation {
    pub fn tensor(self, shape: &[usize], rng: &mut Rng) -> Result<Tensor> {
        let len = shape.iter().product();
        let values: Vec<f32> = match self {
            Self::Zeros => vec![0.0; len],
            Self::Ones => vec![1.0; len],
            Self::Uniform { fan_in } => {
                let bound = 1.0 / (fan_in as f32).sqrt();
                (0..len).map(|_| rng.random_range(-bound..=bound)).collect()
            }
        };
        Tensor::new(shape, values)
    }
}
