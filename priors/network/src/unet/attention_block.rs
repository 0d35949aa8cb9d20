//! Self-attention over the pixels of a feature map.

use super::feature_map::FeatureMap;
use super::layers::{Conv, Norm, Start};
use super::parameter_scope::ParameterScope;
use crate::Result;
use crate::normalisation::Activation;

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

    pub fn forward<M: FeatureMap>(&self, x: &M) -> Result<M> {
        let [batch, channels, height, width] = x.shape();
        let mut qkv = self.qkv.forward(&self.norm.forward(x)?)?;
        if self.new_order {
            qkv = qkv.gathered([batch, 3 * channels, height, width], || {
                let (head, pixels) = (channels / self.heads, height * width);
                let planes = (0..batch * self.heads * 3 * head).map(|plane| {
                    let (image, head_part, channel) =
                        (plane / (3 * channels), plane / head % (3 * self.heads), plane % head);
                    let (number, part) = (head_part / 3, head_part % 3);
                    ((image * 3 + part) * self.heads + number) * head + channel
                });
                planes.flat_map(|plane| plane * pixels..(plane + 1) * pixels).collect()
            })?;
        }
        self.projection.forward_onto(&qkv.attention(self.heads)?, x)
    }
}
