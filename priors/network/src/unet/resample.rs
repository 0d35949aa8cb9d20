//! Changes of resolution by two.

use candle_core::Tensor;

use super::feature_map::FeatureMap;
use super::layers::{Conv, Start};
use super::parameter_scope::ParameterScope;
use crate::Result;
use crate::ops::Direction;

/// A change of resolution between blocks, with a convolution or without.
pub(crate) struct Resample {
    direction: Direction,
    conv: Option<Conv>,
}

impl Resample {
    pub fn new(scope: &mut ParameterScope, direction: Direction, channels: usize, with_conv: bool) -> Result<Self> {
        let name = match direction {
            Direction::Down => "op",
            Direction::Up => "conv",
        };
        let conv = match with_conv {
            true => Some(Conv::new(&mut scope.part(name), channels, channels, 3, Start::Random)?),
            false => None,
        };
        Ok(Self { direction, conv })
    }

    pub fn forward<M: FeatureMap>(&self, x: &M) -> Result<M> {
        match (&self.conv, self.direction) {
            (None, direction) => x.resampled(direction),
            (Some(conv), Direction::Up) => conv.forward(&x.resampled(Direction::Up)?),
            (Some(conv), Direction::Down) => {
                let all = conv.forward(x)?;
                let [batch, channels, height, width] = all.shape()?;
                all.map_tensor([batch, channels, height / 2, width / 2], every_second_pixel)
            }
        }
    }
}

/// A stride of two. It is rare enough that computing the other pixels too is no loss.
fn every_second_pixel(x: Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = x.dims4()?;
    let blocks = x.reshape((batch, channels, height / 2, 2, width / 2, 2))?;
    Ok(blocks.narrow(3, 0, 1)?.narrow(5, 0, 1)?.reshape((batch, channels, height / 2, width / 2))?)
}
