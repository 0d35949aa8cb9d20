//! Layers with parameters: convolutions, linear layers, normalisation, and the embedding of the timestep.

use std::sync::Arc;

use super::feature_map::FeatureMap;
use super::parameters::{Initialisation, ParameterScope};
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

/// Longest period, in timesteps.
const MAX_PERIOD: f64 = 10_000.0;

/// `linear(silu(linear(cos and sin of the timestep)))`.
pub(crate) struct TimeEmbedding {
    channels: usize,
    first: Linear,
    second: Linear,
}

impl TimeEmbedding {
    pub fn new(scope: &mut ParameterScope, channels: usize) -> Result<Self> {
        Ok(Self {
            channels,
            first: Linear::new(&mut scope.part(0), channels, 4 * channels)?,
            second: Linear::new(&mut scope.part(2), 4 * channels, 4 * channels)?,
        })
    }

    /// (batch, 4 channels).
    pub fn forward(&self, timesteps: &[f32], tape: Option<&Tape>) -> Result<Rows> {
        let waves = timesteps.iter().flat_map(|timestep| waves(*timestep, self.channels)).collect();
        let first = self.first.forward(&Rows::new(waves, self.channels), tape)?;
        self.second.forward(&first.silu(), tape)
    }
}

/// Cosines, then sines, with frequencies from 1 down to 1 / 10000; a zero at the end where `channels` is odd.
fn waves(timestep: f32, channels: usize) -> Vec<f32> {
    let half = channels / 2;
    // In f32, as the networks were trained.
    let frequency = |index: usize| (-MAX_PERIOD.ln() as f32 * index as f32 / half as f32).exp();
    let angles: Vec<f32> = (0..half).map(|index| timestep * frequency(index)).collect();
    let mut waves: Vec<f32> = angles.iter().map(|angle| angle.cos()).collect();
    waves.extend(angles.iter().map(|angle| angle.sin()));
    waves.resize(channels, 0.0);
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_are_cosines_then_sines() {
        let waves = waves(3.0, 5);
        let expected = [3.0_f32.cos(), 0.03_f32.cos(), 3.0_f32.sin(), 0.03_f32.sin(), 0.0];
        for (value, expected) in waves.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{waves:?}");
        }
    }
}
