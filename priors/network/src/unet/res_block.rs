//! The residual block.

use super::feature_map::FeatureMap;
use super::forward_mode::ForwardMode;
use super::layers::{Conv, Linear, Norm, Start};
use super::parameter_scope::ParameterScope;
use super::unet_config::UNetConfig;
use crate::Result;
use crate::feature_maps::Rows;
use crate::normalisation::Activation;
use crate::resampling::Direction;

/// `skip(x) + conv(dropout(silu(norm(conv(silu(norm(x))) + timestep))))`, with resampling inside where asked for.
pub(crate) struct ResBlock {
    in_norm: Norm,
    in_conv: Conv,
    resample: Option<Direction>,
    embedding: Linear,
    scale_shift: bool,
    out_norm: Norm,
    dropout: f32,
    out_conv: Conv,
    skip: Option<Conv>,
}

impl ResBlock {
    pub fn new(
        scope: &mut ParameterScope,
        config: &UNetConfig,
        inputs: usize,
        outputs: usize,
        resample: Option<Direction>,
    ) -> Result<Self> {
        let scale_shift = config.use_scale_shift_norm;
        let embedding_outputs = if scale_shift { 2 * outputs } else { outputs };
        Ok(Self {
            in_norm: Norm::new(&mut scope.part("in_layers.0"), inputs, Activation::Silu)?,
            in_conv: Conv::new(&mut scope.part("in_layers.2"), inputs, outputs, 3, Start::Random)?,
            resample,
            embedding: Linear::new(&mut scope.part("emb_layers.1"), 4 * config.model_channels, embedding_outputs)?,
            scale_shift,
            out_norm: Norm::new(&mut scope.part("out_layers.0"), outputs, Activation::Silu)?,
            dropout: config.dropout,
            out_conv: Conv::new(&mut scope.part("out_layers.3"), outputs, outputs, 3, Start::Zero)?,
            skip: match inputs == outputs {
                true => None,
                false => Some(Conv::new(&mut scope.part("skip_connection"), inputs, outputs, 1, Start::Random)?),
            },
        })
    }

    /// `x` is (batch, inputs, y, x); `embedding` the activated timestep embedding, (batch, 4 model channels).
    pub fn forward<M: FeatureMap>(&self, x: &M, embedding: &Rows, mode: &mut ForwardMode<'_>) -> Result<M> {
        let mut h = self.in_norm.forward(x)?;
        let mut x = x.clone();
        if let Some(direction) = self.resample {
            h = h.resampled(direction)?;
            x = x.resampled(direction)?;
        }
        let h = self.in_conv.forward(&h)?;
        let embedding = self.embedding.forward(embedding, h.tape())?;
        let h = if self.scale_shift {
            self.out_norm.forward_modulated(&h, &embedding)?
        } else {
            self.out_norm.forward(&h.shifted(&embedding)?)?
        };
        let h = mode.dropout(h, self.dropout)?;
        match &self.skip {
            Some(skip) => self.out_conv.forward_onto(&h, &skip.forward(&x)?),
            None => self.out_conv.forward_onto(&h, &x),
        }
    }
}
