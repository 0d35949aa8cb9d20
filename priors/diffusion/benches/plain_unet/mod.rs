//! The same network from candle's operations alone, for the switches that the benchmark uses.

use std::collections::BTreeMap;

use candle_core::{D, Device, Result, Tensor};
use diph_network::ops;
use diph_network::{Parameters, UNetConfig};

pub struct PlainUNet {
    config: UNetConfig,
    tensors: BTreeMap<String, Tensor>,
}

impl PlainUNet {
    pub fn new(config: &UNetConfig, parameters: &Parameters) -> Self {
        Self { config: config.clone(), tensors: parameters.tensors().clone() }
    }

    pub fn forward(&self, x: &Tensor, timestep: f32) -> Result<Tensor> {
        let embedding = self.embedding(timestep)?;
        let levels = self.config.channel_mult.as_ref().map_or(0, Vec::len);
        let mut h = self.conv("input_blocks.0.0", &ops::pixel_unshuffle(x, self.config.patch)?)?;
        let mut skips = vec![h.clone()];
        for index in 1..2 * levels {
            let resample = if index % 2 == 0 { Some(false) } else { None };
            h = self.res_block(&format!("input_blocks.{index}.0"), &h, &embedding, resample)?;
            h = self.attention(&format!("input_blocks.{index}.1"), h)?;
            skips.push(h.clone());
        }
        h = self.res_block("middle_block.0", &h, &embedding, None)?;
        h = self.attention("middle_block.1", h)?;
        h = self.res_block("middle_block.2", &h, &embedding, None)?;
        for index in 0..2 * levels {
            h = match skips.pop() {
                Some(skip) => Tensor::cat(&[h, skip], 1)?,
                None => h,
            };
            h = self.res_block(&format!("output_blocks.{index}.0"), &h, &embedding, None)?;
            for part in 1..3 {
                let name = format!("output_blocks.{index}.{part}");
                h = self.attention(&name, h)?;
                if self.tensors.contains_key(&format!("{name}.in_layers.0.weight")) {
                    h = self.res_block(&name, &h, &embedding, Some(true))?;
                }
            }
        }
        let y = self.conv("out.2", &self.norm("out.0", &h)?.silu()?)?;
        ops::pixel_shuffle(&y, self.config.patch)
    }

    fn embedding(&self, timestep: f32) -> Result<Tensor> {
        let half = self.config.model_channels / 2;
        let angle = |index: usize| timestep * (-(10_000.0_f32.ln()) * index as f32 / half as f32).exp();
        let waves = (0..half).map(|index| angle(index).cos()).chain((0..half).map(|index| angle(index).sin()));
        let waves = Tensor::from_vec(waves.collect::<Vec<f32>>(), (1, 2 * half), &Device::Cpu)?;
        self.linear("time_embed.2", &self.linear("time_embed.0", &waves)?.silu()?)?.silu()
    }

    fn res_block(&self, name: &str, x: &Tensor, embedding: &Tensor, up: Option<bool>) -> Result<Tensor> {
        let resample = |x: Tensor| match up {
            None => Ok(x),
            Some(true) => x.upsample_nearest2d(2 * x.dim(2)?, 2 * x.dim(3)?),
            Some(false) => x.avg_pool2d(2),
        };
        let h = resample(self.norm(&format!("{name}.in_layers.0"), x)?.silu()?)?;
        let x = resample(x.clone())?;
        let h = self.norm(&format!("{name}.out_layers.0"), &self.conv(&format!("{name}.in_layers.2"), &h)?)?;
        let modulation = self.linear(&format!("{name}.emb_layers.1"), embedding)?.unsqueeze(2)?.unsqueeze(3)?;
        let parts = modulation.chunk(2, 1)?;
        let h = h.broadcast_mul(&(&parts[0] + 1.0)?)?.broadcast_add(&parts[1])?.silu()?;
        let h = self.conv(&format!("{name}.out_layers.3"), &h)?;
        match self.tensors.contains_key(&format!("{name}.skip_connection.weight")) {
            true => self.conv(&format!("{name}.skip_connection"), &x)? + h,
            false => x + h,
        }
    }

    fn attention(&self, name: &str, x: Tensor) -> Result<Tensor> {
        if !self.tensors.contains_key(&format!("{name}.qkv.weight")) {
            return Ok(x);
        }
        let (batch, channels, height, width) = x.dims4()?;
        let (heads, pixels) = (self.config.num_heads, height * width);
        let qkv = self.conv(&format!("{name}.qkv"), &self.norm(&format!("{name}.norm"), &x)?)?;
        let parts = qkv.reshape((batch * heads, 3, channels / heads, pixels))?;
        let part = |index: usize| parts.narrow(1, index, 1)?.squeeze(1)?.contiguous();
        let scores = (part(0)?.t()?.matmul(&part(1)?)? / ((channels / heads) as f64).sqrt())?;
        let scores = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?.detach())?.exp()?;
        let weights = scores.broadcast_div(&scores.sum_keepdim(D::Minus1)?)?;
        let h = part(2)?.matmul(&weights.t()?)?.reshape((batch, channels, height, width))?;
        x + self.conv(&format!("{name}.proj_out"), &h)?
    }

    fn norm(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = x.dims4()?;
        let grouped = x.reshape((batch, ops::GROUPS, channels / ops::GROUPS * height * width))?;
        let centred = grouped.broadcast_sub(&grouped.mean_keepdim(2)?)?;
        let deviation = (centred.sqr()?.mean_keepdim(2)? + 1e-5)?.sqrt()?;
        let normed = centred.broadcast_div(&deviation)?.reshape(x.shape())?;
        let (weight, bias) = (&self.tensors[&format!("{name}.weight")], &self.tensors[&format!("{name}.bias")]);
        let shape = (1, channels, 1, 1);
        normed.broadcast_mul(&weight.reshape(shape)?)?.broadcast_add(&bias.reshape(shape)?)
    }

    fn conv(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (&self.tensors[&format!("{name}.weight")], &self.tensors[&format!("{name}.bias")]);
        let weight = if weight.rank() == 3 { weight.unsqueeze(3)? } else { weight.clone() };
        let y = x.conv2d(&weight, weight.dim(2)? / 2, 1, 1, 1)?;
        y.broadcast_add(&bias.reshape((1, bias.elem_count(), 1, 1))?)
    }

    fn linear(&self, name: &str, x: &Tensor) -> Result<Tensor> {
        let (weight, bias) = (&self.tensors[&format!("{name}.weight")], &self.tensors[&format!("{name}.bias")]);
        x.matmul(&weight.t()?)?.broadcast_add(bias)
    }
}
