//! The parameters of a network by name.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use candle_core::{DType, Device, Tensor};

use diph_core::Rng;

use super::initialisation::Initialisation;
use super::parameter_scope::ParameterSource;
use super::{UNet, UNetConfig};
use crate::ops::Precision;
use crate::{Error, Result};

/// The parameters of a network, f32, by their names in guided-diffusion's state dict.
///
/// Tensors may be those of candle variables: what an optimiser does to the variables, networks made from here see.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    tensors: BTreeMap<String, Tensor>,
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

    /// Takes tensors as they are, after checking that they are exactly those of the architecture.
    ///
    /// # Errors
    /// [`Error::MissingTensor`], [`Error::ExtraTensor`], [`Error::TensorShape`], [`Error::TensorDtype`].
    pub fn new(config: &UNetConfig, tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        let shapes = Self::shapes(config)?;
        for (name, expected) in &shapes {
            let Some(tensor) = tensors.get(name) else {
                return Err(Error::MissingTensor { tensor: name.clone(), expected: expected.clone() });
            };
            if tensor.dims() != expected {
                return Err(Error::TensorShape {
                    tensor: name.clone(),
                    expected: expected.clone(),
                    got: tensor.dims().to_vec(),
                });
            }
            if tensor.dtype() != DType::F32 {
                return Err(Error::TensorDtype { tensor: name.clone(), got: tensor.dtype().as_str().into() });
            }
        }
        let known: BTreeSet<&String> = shapes.keys().collect();
        let mut extra = tensors.iter().filter(|(name, _)| !known.contains(name));
        if let Some((name, tensor)) = extra.next() {
            return Err(Error::ExtraTensor {
                tensor: name.clone(),
                shape: tensor.dims().to_vec(),
                count: 1 + extra.count(),
            });
        }
        Ok(Self { tensors })
    }

    /// The tensors by name.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// How many numbers all tensors hold.
    pub fn count(&self) -> usize {
        self.tensors.values().map(Tensor::elem_count).sum()
    }
}

impl ParameterSource for &Parameters {
    fn parameter(&mut self, name: &str, shape: &[usize], _: Initialisation) -> Result<Tensor> {
        match self.tensors.get(name) {
            Some(tensor) if tensor.dims() == shape => Ok(tensor.clone()),
            Some(tensor) => {
                Err(Error::TensorShape { tensor: name.into(), expected: shape.to_vec(), got: tensor.dims().to_vec() })
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
    fn parameter(&mut self, name: &str, shape: &[usize], initialisation: Initialisation) -> Result<Tensor> {
        let tensor = initialisation.tensor(shape, self.rng)?;
        self.parameters.tensors.insert(name.into(), tensor.clone());
        Ok(tensor)
    }
}

/// Notes names and shapes; gives tensors without memory.
#[derive(Default)]
pub(super) struct Shapes {
    pub shapes: BTreeMap<String, Vec<usize>>,
}

impl ParameterSource for Shapes {
    fn parameter(&mut self, name: &str, shape: &[usize], _: Initialisation) -> Result<Tensor> {
        self.shapes.insert(name.into(), shape.to_vec());
        Ok(Tensor::zeros(1, DType::F32, &Device::Cpu)?.broadcast_as(shape)?)
    }
}
