//! Convolution, linear layer and normalisation with their parameters.

use std::sync::Arc;

use super::feature_map::FeatureMap;
use super::initialisation::Initialisation;
use super::parameter_scope::ParameterScope;
use crate::convolution::ConvolutionWeights;
use crate::feature_maps::Rows;
use crate::normalisation::Activation;
use crate::tape::Tape;
use crate::{Parameter, Result};

/// Whether a layer starts at zero, so that the block it ends starts as the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    Random,
    Zero,
}

impl Start {
    fn initialisation(self, fan_in: usize) -> Initialisation {
        match self {
            Self::Random => Initialisation::Uniform { fan_in },
            Self::Zero => Initialisation::Zeros,
        }
    }
}

/// A convolution that keeps the image's size.
pub(crate) struct Conv {
    pub weights: Arc<ConvolutionWeights>,
}

impl Conv {
    pub fn new(scope: &mut ParameterScope, inputs: usize, outputs: usize, kernel: usize, start: Start) -> Result<Self> {
        Self::of_shape(scope, &[outputs, inputs, kernel, kernel], start)
    }

    /// A convolution over pixels in a row, the kernel of which has one tap: weight (outputs, inputs, 1).
    pub fn pointwise(scope: &mut ParameterScope, inputs: usize, outputs: usize, start: Start) -> Result<Self> {
        Self::of_shape(scope, &[outputs, inputs, 1], start)
    }

    fn of_shape(scope: &mut ParameterScope, shape: &[usize], start: Start) -> Result<Self> {
        let initialisation = start.initialisation(shape[1..].iter().product());
        let weight = scope.get("weight", shape, initialisation)?;
        let bias = scope.get("bias", &shape[..1], initialisation)?;
        Ok(Self { weights: Arc::new(ConvolutionWeights::new(weight, bias, scope.precision())) })
    }

    pub fn forward<M: FeatureMap>(&self, x: &M) -> Result<M> {
        x.convolved(&self.weights, None)
    }

    /// `onto + conv(x)`.
    pub fn forward_onto<M: FeatureMap>(&self, x: &M, onto: &M) -> Result<M> {
        x.convolved(&self.weights, Some(onto))
    }
}

/// `x W^T + b` on (batch, inputs).
pub(crate) struct Linear {
    weight: Parameter,
    bias: Parameter,
}

impl Linear {
    pub fn new(scope: &mut ParameterScope, inputs: usize, outputs: usize) -> Result<Self> {
        let initialisation = Initialisation::Uniform { fan_in: inputs };
        Ok(Self {
            weight: scope.get("weight", &[outputs, inputs], initialisation)?,
            bias: scope.get("bias", &[outputs], initialisation)?,
        })
    }

    pub fn forward(&self, x: &Rows, tape: Option<&Tape>) -> Result<Rows> {
        x.linear(&self.weight, &self.bias, tape)
    }
}

/// Group normalisation, with what follows it.
pub(crate) struct Norm {
    weight: Parameter,
    bias: Parameter,
    activation: Activation,
}

impl Norm {
    pub fn new(scope: &mut ParameterScope, channels: usize, activation: Activation) -> Result<Self> {
        Ok(Self {
            weight: scope.get("weight", &[channels], Initialisation::Ones)?,
            bias: scope.get("bias", &[channels], Initialisation::Zeros)?,
            activation,
        })
    }

    pub fn forward<M: FeatureMap>(&self, x: &M) -> Result<M> {
        let [batch, ..] = x.shape();
        let row = |parameter| Rows::repeated(parameter, batch, x.tape());
        x.normalised(&row(&self.weight), &row(&self.bias), self.activation)
    }

    /// `norm(x) * (1 + scale) + shift`, then the activation; scale and shift are the two halves of the modulation's columns.
    pub fn forward_modulated<M: FeatureMap>(&self, x: &M, modulation: &Rows) -> Result<M> {
        let [scale, shift] = modulation.modulation(&self.weight, &self.bias)?;
        x.normalised(&scale, &shift, self.activation)
    }
}
