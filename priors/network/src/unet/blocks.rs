//! The blocks of the UNet: residual blocks, attention, changes of resolution, and lists of them as the state dict numbers them.

use super::feature_map::FeatureMap;
use super::forward_mode::ForwardMode;
use super::layers::{Conv, Linear, Norm, Start};
use super::parameters::ParameterScope;
use super::unet_config::UNetConfig;
use crate::Result;
use crate::feature_maps::Rows;
use crate::normalisation::Activation;
use crate::resampling::Direction;

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
