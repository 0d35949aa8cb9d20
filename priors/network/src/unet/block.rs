//! A list of layers that belong together, as the state dict numbers them.

use super::attention_block::AttentionBlock;
use super::feature_map::FeatureMap;
use super::forward_mode::ForwardMode;
use super::layers::Conv;
use super::res_block::ResBlock;
use super::resample::Resample;
use crate::Result;
use crate::feature_maps::Rows;

/// One layer of a block.
pub(crate) enum Layer {
    Conv(Conv),
    Res(Box<ResBlock>),
    Attention(AttentionBlock),
    Resample(Resample),
}

/// Layers in a row.
#[derive(Default)]
pub(crate) struct Block {
    pub layers: Vec<Layer>,
}

impl Block {
    pub fn forward<M: FeatureMap>(&self, x: &M, embedding: &Rows, mode: &mut ForwardMode<'_>) -> Result<M> {
        self.layers.iter().try_fold(x.clone(), |x, layer| match layer {
            Layer::Conv(conv) => conv.forward(&x),
            Layer::Res(block) => block.forward(&x, embedding, mode),
            Layer::Attention(block) => block.forward(&x),
            Layer::Resample(resample) => resample.forward(&x),
        })
    }
}
