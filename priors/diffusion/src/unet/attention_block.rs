//! Self-attention over the pixels of a feature map.

use candle_core::Tensor;

use super::layers::{Conv, Norm, Start};
use super::parameter_scope::ParameterScope;
use crate::Result;
use crate::ops::{self, Activation};

/// `x + projection(attention(norm(x)))`.
pub(crate) struct AttentionBlock {
    norm: Norm,
    qkv: Conv,
    projection: Conv,
    heads: usize,
    new_order: bool,
}

impl AttentionBlock {
    pub fn new(scope: &mut ParameterScope, channels: usize, heads: usize, new_order: bool) -> Result<Self> {
        Ok(Self {
            norm: Norm::new(&mut scope.part("norm"), channels, Activation::Identity)?,
            qkv: Conv::pointwise(&mut scope.part("qkv"), channels, 3 * channels, Start::Random)?,
            projection: Conv::pointwise(&mut scope.part("proj_out"), channels, channels, Start::Zero)?,
            heads,
            new_order,
        })
    }

    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let mut qkv = self.qkv.forward(&self.norm.forward(x)?)?.reshape((batch, 3 * channels, height * width))?;
        if self.new_order {
            let split = qkv.reshape((batch, 3, self.heads, channels / self.heads, height * width))?;
            qkv = split.transpose(1, 2)?.reshape((batch, 3 * channels, height * width))?;
        }
        let h = ops::attention(&qkv, self.heads)?.reshape((batch, channels, height, width))?;
        Ok(ops::add(x, &self.projection.forward(&h)?)?)
    }
}
