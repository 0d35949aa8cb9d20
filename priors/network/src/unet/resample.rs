//! Changes of resolution by two.

use super::feature_map::FeatureMap;
use super::layers::{Conv, Start};
use super::parameter_scope::ParameterScope;
use crate::Result;
use crate::resampling::Direction;

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
                // A stride of two. It is rare enough that computing the other pixels too is no loss.
                let [batch, channels, height, width] = all.shape();
                all.gathered([batch, channels, height / 2, width / 2], || {
                    let rows = (0..batch * channels * (height / 2)).map(|row| {
                        let (plane, y) = (row / (height / 2), row % (height / 2));
                        (plane * height + 2 * y) * width
                    });
                    rows.flat_map(|row| (0..width / 2).map(move |x| row + 2 * x)).collect()
                })
            }
        }
    }
}
