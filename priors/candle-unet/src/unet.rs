//! The network in candle's modules, one after the other as guided-diffusion has them.
//!
//! Three of candle's operations are avoided, because gradients through them are wrong (candle 0.11): `upsample_nearest2d` overwrites
//! the gradient that its input has from elsewhere, `softmax_last_dim` has none, and that of `conv1d` by its weights multiplies the
//! wrong memory, since on the processor the convolution reads weights that are not contiguous as if they were.

use candle_core::{D, Error, Result, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, GroupNorm, Linear, Module, VarBuilder, ops};
use diph_network::UNetConfig;

/// Groups of every normalisation.
const GROUPS: usize = 32;

/// Added to the variance in normalisations.
const EPSILON: f64 = 1e-5;

/// Longest period of the timestep embedding, in timesteps.
const MAX_PERIOD: f32 = 10_000.0;

/// guided-diffusion's UNetModel (Dhariwal & Nichol 2021) with an optional space-to-depth in front, for inference: without dropout.
///
/// Parameters have the names and shapes of guided-diffusion's state dict. Everything is differentiable, also by the input; device and
/// type of the numbers are those of the [`VarBuilder`].
pub struct UNet {
    config: UNetConfig,
    time_embedding: TimeEmbedding,
    input_blocks: Vec<Block>,
    middle_block: Block,
    output_blocks: Vec<Block>,
    out_norm: GroupNorm,
    out_conv: Conv2d,
}

impl UNet {
    /// The network of a configuration with the parameters of `vb`.
    ///
    /// # Errors
    /// When the configuration makes no network, or a parameter is missing or has another shape.
    pub fn new(config: &UNetConfig, vb: VarBuilder) -> Result<Self> {
        config.check().map_err(Error::wrap)?;
        let levels = config.level_channels().map_err(Error::wrap)?;
        let first = levels.first().copied().unwrap_or_default();
        let last = levels.last().copied().unwrap_or_default();
        let (input_blocks, skips) = input_blocks(config, &levels, &vb.pp("input_blocks"))?;
        Ok(Self {
            config: config.clone(),
            time_embedding: TimeEmbedding::new(config.model_channels, vb.pp("time_embed"))?,
            input_blocks,
            middle_block: middle_block(config, last, &vb.pp("middle_block"))?,
            output_blocks: output_blocks(config, &levels, skips, &vb.pp("output_blocks"))?,
            out_norm: group_norm(first, vb.pp("out.0"))?,
            out_conv: conv2d(first, config.out_channels(), config.last_kernel, 1, vb.pp("out.2"))?,
        })
    }

    /// The architecture.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// The network's output, (batch, 2 K or 4 K, y, x).
    ///
    /// `x` is (batch, 2 K, y, x), `timesteps` (batch), `condition` an image of the shape of `x` for a conditional network.
    ///
    /// # Errors
    /// When a shape does not fit, or the device fails.
    pub fn forward(&self, x: &Tensor, timesteps: &Tensor, condition: Option<&Tensor>) -> Result<Tensor> {
        let embedding = self.time_embedding.forward(timesteps)?.silu()?;
        let x = match condition {
            Some(condition) => Tensor::cat(&[self.to_depth(x)?, self.to_depth(condition)?], 1)?,
            None => self.to_depth(x)?,
        };
        let mut h = x;
        let mut skips = Vec::with_capacity(self.input_blocks.len());
        for block in &self.input_blocks {
            h = block.forward(&h, &embedding)?;
            skips.push(h.clone());
        }
        h = self.middle_block.forward(&h, &embedding)?;
        for (block, skip) in self.output_blocks.iter().zip(skips.iter().rev()) {
            h = block.forward(&Tensor::cat(&[&h, skip], 1)?, &embedding)?;
        }
        let y = self.out_conv.forward(&self.out_norm.forward(&h)?.silu()?)?;
        ops::pixel_shuffle(&y, self.config.patch)
    }

    /// (n, c, h r, w r) to (n, c r^2, h, w), where r is the patch of the configuration.
    fn to_depth(&self, x: &Tensor) -> Result<Tensor> {
        ops::pixel_unshuffle(x, self.config.patch)
    }
}

/// Blocks of the way down, and the channels of what each leaves for the way up.
fn input_blocks(config: &UNetConfig, levels: &[usize], vb: &VarBuilder) -> Result<(Vec<Block>, Vec<usize>)> {
    let mut channels = levels.first().copied().unwrap_or_default();
    let mut blocks = vec![Block(vec![Layer::Conv(conv2d(config.in_channels(), channels, 3, 1, vb.pp("0.0"))?)])];
    let mut skips = vec![channels];
    for (level, outputs) in levels.iter().copied().enumerate() {
        for _ in 0..config.num_res_blocks {
            let vb = vb.pp(blocks.len());
            let mut layers = vec![Layer::res(config, channels, outputs, None, vb.pp(0))?];
            channels = outputs;
            if config.has_attention(1 << level) {
                layers.push(Layer::attention(config, channels, false, vb.pp(1))?);
            }
            blocks.push(Block(layers));
            skips.push(channels);
        }
        if level + 1 < levels.len() {
            let layer = Layer::resample(config, channels, Direction::Down, vb.pp(blocks.len()).pp(0))?;
            blocks.push(Block(vec![layer]));
            skips.push(channels);
        }
    }
    Ok((blocks, skips))
}

fn middle_block(config: &UNetConfig, channels: usize, vb: &VarBuilder) -> Result<Block> {
    Ok(Block(vec![
        Layer::res(config, channels, channels, None, vb.pp(0))?,
        Layer::attention(config, channels, false, vb.pp(1))?,
        Layer::res(config, channels, channels, None, vb.pp(2))?,
    ]))
}

/// Blocks of the way up, each of which takes one of the `skips`, the last one first.
fn output_blocks(config: &UNetConfig, levels: &[usize], mut skips: Vec<usize>, vb: &VarBuilder) -> Result<Vec<Block>> {
    let mut channels = levels.last().copied().unwrap_or_default();
    let mut blocks = Vec::new();
    for (level, outputs) in levels.iter().copied().enumerate().rev() {
        for index in 0..=config.num_res_blocks {
            let vb = vb.pp(blocks.len());
            let inputs = channels + skips.pop().unwrap_or_default();
            let mut layers = vec![Layer::res(config, inputs, outputs, None, vb.pp(0))?];
            channels = outputs;
            if config.has_attention(1 << level) {
                layers.push(Layer::attention(config, channels, true, vb.pp(1))?);
            }
            if level > 0 && index == config.num_res_blocks {
                layers.push(Layer::resample(config, channels, Direction::Up, vb.pp(layers.len()))?);
            }
            blocks.push(Block(layers));
        }
    }
    Ok(blocks)
}

/// `linear(silu(linear(cosines and sines of the timestep)))`.
struct TimeEmbedding {
    channels: usize,
    first: Linear,
    second: Linear,
}

impl TimeEmbedding {
    fn new(channels: usize, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            channels,
            first: candle_nn::linear(channels, 4 * channels, vb.pp(0))?,
            second: candle_nn::linear(4 * channels, 4 * channels, vb.pp(2))?,
        })
    }

    /// (batch, 4 channels) of timesteps (batch).
    fn forward(&self, timesteps: &Tensor) -> Result<Tensor> {
        self.second.forward(&self.first.forward(&self.waves(timesteps)?)?.silu()?)
    }

    /// Cosines, then sines, with frequencies from 1 down to 1 / 10000; a zero at the end where the number of channels is odd.
    fn waves(&self, timesteps: &Tensor) -> Result<Tensor> {
        let half = self.channels / 2;
        let frequency = |index: usize| (-MAX_PERIOD.ln() * index as f32 / half as f32).exp();
        let frequencies: Vec<f32> = (0..half).map(frequency).collect();
        let frequencies = Tensor::from_vec(frequencies, (1, half), timesteps.device())?.to_dtype(timesteps.dtype())?;
        let angles = timesteps.unsqueeze(1)?.broadcast_mul(&frequencies)?;
        Tensor::cat(&[angles.cos()?, angles.sin()?], 1)?.pad_with_zeros(1, 0, self.channels - 2 * half)
    }
}

/// Layers in a row, as the state dict numbers them.
struct Block(Vec<Layer>);

impl Block {
    fn forward(&self, x: &Tensor, embedding: &Tensor) -> Result<Tensor> {
        self.0.iter().try_fold(x.clone(), |x, layer| match layer {
            Layer::Conv(conv) => conv.forward(&x),
            Layer::Res(block) => block.forward(&x, embedding),
            Layer::Attention(block) => block.forward(&x),
            Layer::Resample(resample) => resample.forward(&x),
        })
    }
}

/// One layer of a block.
enum Layer {
    Conv(Conv2d),
    Res(Box<ResBlock>),
    Attention(AttentionBlock),
    Resample(Resample),
}

impl Layer {
    fn res(
        config: &UNetConfig,
        inputs: usize,
        outputs: usize,
        resampled: Option<Direction>,
        vb: VarBuilder,
    ) -> Result<Self> {
        Ok(Self::Res(Box::new(ResBlock::new(config, inputs, outputs, resampled, vb)?)))
    }

    fn attention(config: &UNetConfig, channels: usize, up: bool, vb: VarBuilder) -> Result<Self> {
        let heads = config.heads(channels, up);
        Ok(Self::Attention(AttentionBlock::new(channels, heads, config.use_new_attention_order, vb)?))
    }

    fn resample(config: &UNetConfig, channels: usize, direction: Direction, vb: VarBuilder) -> Result<Self> {
        match config.resblock_updown {
            true => Self::res(config, channels, channels, Some(direction), vb),
            false => Ok(Self::Resample(Resample::new(channels, direction, config.conv_resample, vb)?)),
        }
    }
}

/// `skip(x) + conv(silu(norm(conv(silu(norm(x))) + timestep)))`, with a change of resolution inside where asked for.
struct ResBlock {
    in_norm: GroupNorm,
    in_conv: Conv2d,
    resampled: Option<Direction>,
    embedding: Linear,
    scale_shift: bool,
    out_norm: GroupNorm,
    out_conv: Conv2d,
    skip: Option<Conv2d>,
}

impl ResBlock {
    fn new(
        config: &UNetConfig,
        inputs: usize,
        outputs: usize,
        resampled: Option<Direction>,
        vb: VarBuilder,
    ) -> Result<Self> {
        let scale_shift = config.use_scale_shift_norm;
        let modulation = if scale_shift { 2 * outputs } else { outputs };
        let skip = (inputs != outputs).then(|| conv2d(inputs, outputs, 1, 1, vb.pp("skip_connection")));
        Ok(Self {
            in_norm: group_norm(inputs, vb.pp("in_layers.0"))?,
            in_conv: conv2d(inputs, outputs, 3, 1, vb.pp("in_layers.2"))?,
            resampled,
            embedding: candle_nn::linear(4 * config.model_channels, modulation, vb.pp("emb_layers.1"))?,
            scale_shift,
            out_norm: group_norm(outputs, vb.pp("out_layers.0"))?,
            out_conv: conv2d(outputs, outputs, 3, 1, vb.pp("out_layers.3"))?,
            skip: skip.transpose()?,
        })
    }

    /// `x` is (batch, inputs, y, x); `embedding` the activated timestep embedding, (batch, 4 model channels).
    fn forward(&self, x: &Tensor, embedding: &Tensor) -> Result<Tensor> {
        let mut h = self.in_norm.forward(x)?.silu()?;
        let mut x = x.clone();
        if let Some(direction) = self.resampled {
            h = direction.resampled(&h)?;
            x = direction.resampled(&x)?;
        }
        let h = self.in_conv.forward(&h)?;
        let modulation = self.embedding.forward(embedding)?.unsqueeze(2)?.unsqueeze(3)?;
        let h = if self.scale_shift {
            let channels = h.dim(1)?;
            let (scale, shift) = (modulation.narrow(1, 0, channels)?, modulation.narrow(1, channels, channels)?);
            self.out_norm.forward(&h)?.broadcast_mul(&(scale + 1.0)?)?.broadcast_add(&shift)?
        } else {
            self.out_norm.forward(&h.broadcast_add(&modulation)?)?
        };
        let h = self.out_conv.forward(&h.silu()?)?;
        match &self.skip {
            Some(skip) => skip.forward(&x)? + h,
            None => x + h,
        }
    }
}

/// Self-attention over the pixels, `x + projection(attention(norm(x)))`.
struct AttentionBlock {
    norm: GroupNorm,
    qkv: Linear,
    projection: Linear,
    heads: usize,
    new_order: bool,
}

impl AttentionBlock {
    fn new(channels: usize, heads: usize, new_order: bool, vb: VarBuilder) -> Result<Self> {
        Ok(Self {
            norm: group_norm(channels, vb.pp("norm"))?,
            qkv: pointwise(channels, 3 * channels, vb.pp("qkv"))?,
            projection: pointwise(channels, channels, vb.pp("proj_out"))?,
            heads,
            new_order,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let (head, pixels) = (channels / self.heads, height * width);
        let rows = self.norm.forward(x)?.reshape((batch, channels, pixels))?.transpose(1, 2)?.contiguous()?;
        // The legacy order sorts the channels by head before q, k and v, the new one after.
        let (axis, shape) = match self.new_order {
            true => (2, [batch, pixels, 3, self.heads, head]),
            false => (3, [batch, pixels, self.heads, 3, head]),
        };
        let qkv = self.qkv.forward(&rows)?.reshape(&shape[..])?;
        // (batch, head, pixel, channel of the head)
        let part = |index: usize| qkv.narrow(axis, index, 1)?.squeeze(axis)?.transpose(1, 2)?.contiguous();
        // On q and on k alike, so that scores stay small on the way.
        let scale = (head as f64).powf(-0.25);
        let (q, k, v) = ((part(0)? * scale)?, (part(1)? * scale)?, part(2)?);
        let weights = ops::softmax(&q.matmul(&k.t()?)?, D::Minus1)?;
        let attended = weights.matmul(&v)?.transpose(1, 2)?.reshape((batch, pixels, channels))?;
        x + self.projection.forward(&attended)?.transpose(1, 2)?.reshape((batch, channels, height, width))?
    }
}

/// A change of resolution by two.
#[derive(Clone, Copy)]
enum Direction {
    Down,
    Up,
}

impl Direction {
    /// Means of 2 x 2 pixels, or every pixel four times.
    fn resampled(self, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        match self {
            Self::Down => x.avg_pool2d(2),
            Self::Up => x
                .reshape(&[batch, channels, height, 1, width, 1][..])?
                .broadcast_as(&[batch, channels, height, 2, width, 2][..])?
                .reshape((batch, channels, 2 * height, 2 * width)),
        }
    }
}

/// A change of resolution between residual blocks, with a convolution or without.
struct Resample {
    direction: Direction,
    conv: Option<Conv2d>,
}

impl Resample {
    fn new(channels: usize, direction: Direction, with_conv: bool, vb: VarBuilder) -> Result<Self> {
        let (name, stride) = match direction {
            Direction::Down => ("op", 2),
            Direction::Up => ("conv", 1),
        };
        let conv = with_conv.then(|| conv2d(channels, channels, 3, stride, vb.pp(name))).transpose()?;
        Ok(Self { direction, conv })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match (&self.conv, self.direction) {
            (Some(conv), Direction::Down) => conv.forward(x),
            (Some(conv), Direction::Up) => conv.forward(&self.direction.resampled(x)?),
            (None, direction) => direction.resampled(x),
        }
    }
}

/// A convolution that keeps the image's size but for its stride.
fn conv2d(inputs: usize, outputs: usize, kernel: usize, stride: usize, vb: VarBuilder) -> Result<Conv2d> {
    let config = Conv2dConfig { padding: kernel / 2, stride, ..Default::default() };
    candle_nn::conv2d(inputs, outputs, kernel, config, vb)
}

/// A convolution over pixels in a row, the kernel of which has one tap: weight (outputs, inputs, 1). With pixels before channels it is
/// a linear layer.
fn pointwise(inputs: usize, outputs: usize, vb: VarBuilder) -> Result<Linear> {
    let weight = vb.get((outputs, inputs, 1), "weight")?.squeeze(2)?;
    Ok(Linear::new(weight, Some(vb.get(outputs, "bias")?)))
}

fn group_norm(channels: usize, vb: VarBuilder) -> Result<GroupNorm> {
    candle_nn::group_norm(GROUPS, channels, EPSILON, vb)
}
