//! What flows through the network: planes of an arena, in training on a tape; tensors of a graph where candle is to differentiate.

use candle_core::{Tensor, Var};

use super::layers::Conv;
use crate::Result;
use crate::ops::{self, Activation, ConvolutionWeights, Direction, Planes};

/// A feature map (batch, channel, y, x) and what the network does to it.
///
/// The architecture is written once against this; how it is executed is up to the map.
pub(crate) trait FeatureMap: Clone {
    fn shape(&self) -> Result<[usize; 4]>;

    /// Group normalisation with scale and shift, (batch, channel), then the activation.
    fn normalised(&self, scale: &Tensor, shift: &Tensor, activation: Activation) -> Result<Self>;

    fn resampled(&self, direction: Direction) -> Result<Self>;

    /// The convolution, plus another map where given.
    fn convolved(&self, conv: &Conv, onto: Option<&Self>) -> Result<Self>;

    /// Attention over the pixels; this map is queries, keys and values of every head.
    fn attention(&self, heads: usize) -> Result<Self>;

    /// The channels of this map, then those of another.
    fn joined(&self, other: &Self) -> Result<Self>;

    /// For what is too rare to be made fast. The result has the `shape`.
    fn map_tensor(&self, shape: [usize; 4], change: impl FnOnce(Tensor) -> Result<Tensor>) -> Result<Self>;
}

impl FeatureMap for Tensor {
    fn shape(&self) -> Result<[usize; 4]> {
        Ok(self.dims4()?.into())
    }

    fn normalised(&self, scale: &Tensor, shift: &Tensor, activation: Activation) -> Result<Self> {
        Ok(ops::group_norm(self, scale, shift, activation)?)
    }

    fn resampled(&self, direction: Direction) -> Result<Self> {
        Ok(match direction {
            Direction::Down => ops::average_pool(self)?,
            Direction::Up => ops::upsample_nearest(self)?,
        })
    }

    fn convolved(&self, conv: &Conv, onto: Option<&Self>) -> Result<Self> {
        let ConvolutionWeights { weight, bias, precision, .. } = &*conv.weights;
        let y = ops::conv2d(self, &weight.reshape(&conv.weights.shape()?)?, bias, *precision)?;
        Ok(match onto {
            Some(onto) => ops::add(onto, &y)?,
            None => y,
        })
    }

    fn attention(&self, heads: usize) -> Result<Self> {
        let (batch, channels, height, width) = self.dims4()?;
        let y = ops::attention(&self.reshape((batch, channels, height * width))?, heads)?;
        Ok(y.reshape((batch, channels / 3, height, width))?)
    }

    fn joined(&self, other: &Self) -> Result<Self> {
        Ok(Tensor::cat(&[self, other], 1)?)
    }

    fn map_tensor(&self, _shape: [usize; 4], change: impl FnOnce(Tensor) -> Result<Tensor>) -> Result<Self> {
        change(self.clone())
    }
}

impl FeatureMap for Planes {
    fn shape(&self) -> Result<[usize; 4]> {
        Ok(Planes::shape(self))
    }

    fn normalised(&self, scale: &Tensor, shift: &Tensor, activation: Activation) -> Result<Self> {
        Ok(Planes::normalised(self, scale, shift, activation)?)
    }

    fn resampled(&self, direction: Direction) -> Result<Self> {
        Ok(Planes::resampled(self, direction)?)
    }

    fn convolved(&self, conv: &Conv, onto: Option<&Self>) -> Result<Self> {
        Ok(Planes::convolved(self, &conv.weights, onto)?)
    }

    fn attention(&self, heads: usize) -> Result<Self> {
        Ok(Planes::attention(self, heads)?)
    }

    fn joined(&self, other: &Self) -> Result<Self> {
        Ok(Planes::joined(self, other)?)
    }

    fn map_tensor(&self, _shape: [usize; 4], change: impl FnOnce(Tensor) -> Result<Tensor>) -> Result<Self> {
        let input = Var::from_tensor(&Planes::to_tensor(self)?)?;
        let output = change(input.as_tensor().clone())?;
        Ok(self.changed(input, output)?)
    }
}
