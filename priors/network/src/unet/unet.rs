//! The network.

use super::blocks::{AttentionBlock, Block, Layer, ResBlock, Resample};
use super::feature_map::FeatureMap;
use super::forward_mode::ForwardMode;
use super::layers::{Conv, Norm, Start, TimeEmbedding};
use super::parameters::{ParameterScope, ParameterSource, Parameters};
use super::unet_config::UNetConfig;
use crate::feature_maps::{Planes, Rows};
use crate::normalisation::Activation;
use crate::pixel_shuffle::{pixel_shuffle, pixel_unshuffle};
use crate::products::precision::Precision;
use crate::resampling::Direction;
use crate::tape::{Arena, Gradients, Tape};
use crate::{Error, Result, Tensor};

/// guided-diffusion's UNetModel with an optional space-to-depth in front.
///
/// Memory is used again from run to run. Parameters that are constants are brought into the kernels' order once; of those that are
/// variables, [`UNet::backward`] finds the gradients.
pub struct UNet {
    config: UNetConfig,
    arena: Arena,
    time_embedding: TimeEmbedding,
    pub(super) input_blocks: Vec<Block>,
    pub(super) middle_block: Block,
    pub(super) output_blocks: Vec<Block>,
    out_norm: Norm,
    out_conv: Conv,
}

impl UNet {
    /// A network with these parameters.
    ///
    /// # Errors
    /// When the configuration makes no network, or a parameter is missing or has another shape.
    pub fn new(config: &UNetConfig, parameters: &Parameters) -> Result<Self> {
        Self::with_precision(config, parameters, Precision::F32)
    }

    /// A network whose convolutions multiply in this precision.
    ///
    /// # Errors
    /// As [`UNet::new`].
    pub fn with_precision(config: &UNetConfig, mut parameters: &Parameters, precision: Precision) -> Result<Self> {
        Self::from_source(config, &mut parameters, precision)
    }

    pub(crate) fn from_source(
        config: &UNetConfig,
        source: &mut dyn ParameterSource,
        precision: Precision,
    ) -> Result<Self> {
        config.check()?;
        let mut scope = ParameterScope::new(source, precision);
        let time_embedding = TimeEmbedding::new(&mut scope.part("time_embed"), config.model_channels)?;
        let levels = config.level_channels()?;
        let (input_blocks, skips) = input_blocks(&mut scope.part("input_blocks"), config, &levels)?;
        let deepest = levels.last().copied().unwrap_or_default();
        let middle_block = middle_block(&mut scope.part("middle_block"), config, deepest)?;
        let output_blocks = output_blocks(&mut scope.part("output_blocks"), config, &levels, skips)?;
        let mut out = scope.part("out");
        let first = levels.first().copied().unwrap_or_default();
        Ok(Self {
            config: config.clone(),
            arena: Arena::default(),
            time_embedding,
            input_blocks,
            middle_block,
            output_blocks,
            out_norm: Norm::new(&mut out.part(0), first, Activation::Silu)?,
            out_conv: Conv::new(&mut out.part(2), first, config.out_channels(), config.last_kernel, Start::Zero)?,
        })
    }

    /// The architecture.
    pub fn config(&self) -> &UNetConfig {
        &self.config
    }

    /// The network's output, (batch, 2 K or 4 K, y, x).
    ///
    /// `x` is (batch, 2 K, y, x), `timesteps` one number for each image, `condition` an image of the shape of `x` for a
    /// conditional network.
    ///
    /// # Errors
    /// When a shape does not fit, or a condition is missing or not wanted.
    pub fn forward(
        &self,
        x: &Tensor,
        timesteps: &[f32],
        condition: Option<&Tensor>,
        mode: &mut ForwardMode<'_>,
    ) -> Result<Tensor> {
        in_pool(|| {
            let x = Planes::new(&self.input(x, timesteps, condition)?, &self.arena)?;
            let y = self.run(x, &self.embedding(timesteps, None)?, mode)?;
            self.output(&y.to_tensor())
        })
    }

    /// The gradients of a loss with respect to the parameters that are variables.
    ///
    /// The arguments are those of [`UNet::forward`]; `loss_gradient` makes of the network's output the gradient of the loss with respect
    /// to it, and may keep the loss itself on the way.
    ///
    /// # Errors
    /// As [`UNet::forward`], what `loss_gradient` returns, and [`Error::Shape`] when its gradient has not the shape of the output.
    pub fn backward<E: From<Error> + Send>(
        &self,
        x: &Tensor,
        timesteps: &[f32],
        condition: Option<&Tensor>,
        mode: &mut ForwardMode<'_>,
        loss_gradient: impl FnOnce(&Tensor) -> Result<Tensor, E> + Send,
    ) -> Result<Gradients, E> {
        in_pool(|| {
            let tape = Tape::default();
            let x = Planes::new(&self.input(x, timesteps, condition)?, &self.arena)?.recorded(&tape);
            let embedding = self.embedding(timesteps, Some(&tape))?;
            let y = self.run(x, &embedding, mode)?;
            self.backward_from(&y, &tape, loss_gradient)
        })
    }

    /// The gradient of a loss with respect to the image `x`, of its shape.
    ///
    /// The arguments are those of [`UNet::backward`]. The network is run without dropout, and nothing is found out about its parameters.
    ///
    /// # Errors
    /// As [`UNet::backward`].
    pub fn input_gradient<E: From<Error> + Send>(
        &self,
        x: &Tensor,
        timesteps: &[f32],
        condition: Option<&Tensor>,
        loss_gradient: impl FnOnce(&Tensor) -> Result<Tensor, E> + Send,
    ) -> Result<Tensor, E> {
        in_pool(|| {
            let tape = Tape::default();
            let input = Planes::new(&self.input(x, timesteps, condition)?, &self.arena)?.on_tape(&tape);
            let y = self.run(input.clone(), &self.embedding(timesteps, None)?, &mut ForwardMode::Inference)?;
            self.backward_from(&y, &tape, loss_gradient)?;
            // The first convolution reads its input in any case, so that there is a gradient.
            let gradient = input.gradient().unwrap_or_else(|| Tensor::filled(input.shape(), 0.0));
            let gradient = gradient.channels(0, self.config.image_channels() * self.config.patch.pow(2))?;
            Ok(pixel_shuffle(&gradient, self.config.patch)?)
        })
    }

    /// From the network's last feature map back to where the tape begins.
    pub(super) fn backward_from<E: From<Error>>(
        &self,
        y: &Planes,
        tape: &Tape,
        loss_gradient: impl FnOnce(&Tensor) -> Result<Tensor, E>,
    ) -> Result<Gradients, E> {
        let output = self.output(&y.to_tensor())?;
        let gradient = loss_gradient(&output)?;
        if gradient.shape() != output.shape() {
            let expected = format!("a gradient of shape {:?}", output.shape());
            return Err(Error::shape("backward", expected, gradient.shape()).into());
        }
        let gradient = pixel_unshuffle(&gradient, self.config.patch)?;
        Ok(self.back(y, tape, &gradient)?)
    }

    /// The gradients when the last feature map of a tape has this one.
    pub(super) fn back(&self, y: &Planes, tape: &Tape, gradient: &Tensor) -> Result<Gradients> {
        let mut gradients = Gradients::new(&self.arena);
        let mut buffer = self.arena.buffer(gradient.values().len());
        buffer.copy_from_slice(gradient.values());
        y.carry_back(buffer);
        tape.backward(&mut gradients)?;
        Ok(gradients)
    }

    /// The memory that feature maps and gradients come from.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    fn run<M: FeatureMap>(&self, x: M, embedding: &Rows, mode: &mut ForwardMode<'_>) -> Result<M> {
        let mut h = x;
        let mut skips = Vec::with_capacity(self.input_blocks.len());
        for block in &self.input_blocks {
            h = block.forward(&h, embedding, mode)?;
            skips.push(h.clone());
        }
        h = self.middle_block.forward(&h, embedding, mode)?;
        for block in &self.output_blocks {
            if let Some(skip) = skips.pop() {
                h = h.joined(&skip)?;
            }
            h = block.forward(&h, embedding, mode)?;
        }
        self.head(&h)
    }

    /// Memory that inference keeps for its feature maps.
    #[cfg(test)]
    pub(super) fn arena_bytes(&self) -> u64 {
        self.arena.bytes()
    }

    /// The activated timestep embedding, (batch, 4 model channels).
    pub(super) fn embedding(&self, timesteps: &[f32], tape: Option<&Tape>) -> Result<Rows> {
        Ok(self.time_embedding.forward(timesteps, tape)?.silu())
    }

    /// What follows the last block.
    pub(super) fn head<M: FeatureMap>(&self, h: &M) -> Result<M> {
        self.out_conv.forward(&self.out_norm.forward(h)?)
    }

    /// The output of the last feature map.
    fn output(&self, y: &Tensor) -> Result<Tensor> {
        pixel_shuffle(y, self.config.patch)
    }

    /// Checks the shapes and joins image and condition, both taken to depth.
    pub(super) fn input(&self, x: &Tensor, timesteps: &[f32], condition: Option<&Tensor>) -> Result<Tensor> {
        self.config.check_input(x, timesteps, condition)?;
        let x = pixel_unshuffle(x, self.config.patch)?;
        match condition {
            Some(condition) => x.joined(&pixel_unshuffle(condition, self.config.patch)?),
            None => Ok(x),
        }
    }
}

/// Runs something on a thread of the pool, where handing work to the others does not mean going to sleep.
fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

/// Blocks of the way down, and the channels of what each leaves for the way up.
fn input_blocks(scope: &mut ParameterScope, config: &UNetConfig, levels: &[usize]) -> Result<(Vec<Block>, Vec<usize>)> {
    let mut channels = levels.first().copied().unwrap_or_default();
    let conv = Conv::new(&mut scope.part("0.0"), config.in_channels(), channels, 3, Start::Random)?;
    let mut blocks = vec![Block { layers: vec![Layer::Conv(conv)] }];
    let mut skips = vec![channels];
    for (level, outputs) in levels.iter().copied().enumerate() {
        for _ in 0..config.num_res_blocks {
            let mut scope = scope.part(blocks.len());
            let mut layers = vec![res_layer(&mut scope.part(0), config, channels, outputs, None)?];
            channels = outputs;
            if config.has_attention(1 << level) {
                layers.push(attention_layer(&mut scope.part(1), config, channels, false)?);
            }
            blocks.push(Block { layers });
            skips.push(channels);
        }
        if level + 1 < levels.len() {
            let mut scope = scope.part(blocks.len());
            let layer = resample_layer(&mut scope.part(0), config, channels, Direction::Down)?;
            blocks.push(Block { layers: vec![layer] });
            skips.push(channels);
        }
    }
    Ok((blocks, skips))
}

fn middle_block(scope: &mut ParameterScope, config: &UNetConfig, channels: usize) -> Result<Block> {
    let layers = vec![
        res_layer(&mut scope.part(0), config, channels, channels, None)?,
        attention_layer(&mut scope.part(1), config, channels, false)?,
        res_layer(&mut scope.part(2), config, channels, channels, None)?,
    ];
    Ok(Block { layers })
}

fn output_blocks(
    scope: &mut ParameterScope,
    config: &UNetConfig,
    levels: &[usize],
    mut skips: Vec<usize>,
) -> Result<Vec<Block>> {
    let mut channels = levels.last().copied().unwrap_or_default();
    let mut blocks = Vec::new();
    for (level, outputs) in levels.iter().copied().enumerate().rev() {
        for index in 0..=config.num_res_blocks {
            let mut scope = scope.part(blocks.len());
            let inputs = channels + skips.pop().unwrap_or_default();
            let mut layers = vec![res_layer(&mut scope.part(0), config, inputs, outputs, None)?];
            channels = outputs;
            if config.has_attention(1 << level) {
                layers.push(attention_layer(&mut scope.part(1), config, channels, true)?);
            }
            if level > 0 && index == config.num_res_blocks {
                let number = layers.len();
                layers.push(resample_layer(&mut scope.part(number), config, channels, Direction::Up)?);
            }
            blocks.push(Block { layers });
        }
    }
    Ok(blocks)
}

fn res_layer(
    scope: &mut ParameterScope,
    config: &UNetConfig,
    inputs: usize,
    outputs: usize,
    resample: Option<Direction>,
) -> Result<Layer> {
    Ok(Layer::Res(Box::new(ResBlock::new(scope, config, inputs, outputs, resample)?)))
}

fn attention_layer(scope: &mut ParameterScope, config: &UNetConfig, channels: usize, up: bool) -> Result<Layer> {
    let heads = config.heads(channels, up);
    Ok(Layer::Attention(AttentionBlock::new(scope, channels, heads, config.use_new_attention_order)?))
}

fn resample_layer(
    scope: &mut ParameterScope,
    config: &UNetConfig,
    channels: usize,
    direction: Direction,
) -> Result<Layer> {
    if config.resblock_updown {
        return res_layer(scope, config, channels, channels, Some(direction));
    }
    Ok(Layer::Resample(Resample::new(scope, direction, channels, config.conv_resample)?))
}
