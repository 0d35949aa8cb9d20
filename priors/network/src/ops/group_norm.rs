//! Group normalisation, scale and shift, and SiLU in one pass.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use multiversion::multiversion;
use rayon::prelude::*;

use super::exponential::sigmoid;
use super::planes_gradient::Target;
use super::storage::{values, with_values};

/// Groups of every normalisation of the network.
pub const GROUPS: usize = 32;

/// Added to the variance.
const EPSILON: f64 = 1e-5;

/// What follows normalisation, scale and shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Identity,
    /// `u * sigmoid(u)`.
    Silu,
}

/// `activation(scale[n, c] * (x - mean) / sqrt(variance + 1e-5) + shift[n, c])`, mean and variance over each of 32 groups
/// of channels of an image (Wu & He 2018).
///
/// `x` is (batch, channel, ...), `scale` and `shift` (batch, channel); f32.
///
/// # Errors
/// When a shape or a dtype does not fit, or the channels are no multiple of 32.
pub fn group_norm(x: &Tensor, scale: &Tensor, shift: &Tensor, activation: Activation) -> Result<Tensor> {
    x.contiguous()?.apply_op3(&scale.contiguous()?, &shift.contiguous()?, GroupNorm { activation })
}

struct GroupNorm {
    activation: Activation,
}

/// Sizes: `groups` runs of `channels` planes of `pixels`.
#[derive(Clone, Copy)]
struct Grouping {
    channels: usize,
    pixels: usize,
}

impl Grouping {
    fn new(x: &[usize], scale: &[usize], shift: &[usize]) -> Result<Self> {
        match x {
            [batch, channels, rest @ ..] if channels % GROUPS == 0 && *channels > 0 => {
                if scale != [*batch, *channels] || shift != scale {
                    bail!(
                        "group norm: expected scale and shift of shape [{batch}, {channels}], got {scale:?} and {shift:?}"
                    );
                }
                Ok(Self { channels: channels / GROUPS, pixels: rest.iter().product() })
            }
            _ => bail!("group norm: expected [batch, channel, ..] with a multiple of {GROUPS} channels, got {x:?}"),
        }
    }

    fn group_len(&self) -> usize {
        self.channels * self.pixels
    }
}

/// Mean and reciprocal standard deviation of a group.
#[derive(Clone, Copy)]
pub struct Statistics {
    pub mean: f32,
    pub deviation_inverse: f32,
}

/// Mean and variance of a channel.
#[derive(Clone, Copy)]
pub struct ChannelStatistics {
    mean: f64,
    variance: f64,
}

impl ChannelStatistics {
    pub fn new(plane: &[f32]) -> Self {
        let count = plane.len() as f64;
        let mean = (sum(plane, 0.0) / count) as f32;
        Self { mean: f64::from(mean), variance: sum_of_squares(plane, mean) / count }
    }
}

/// The statistics of a group from those of its channels, which are of one size.
pub fn group_statistics(channels: &[ChannelStatistics]) -> Statistics {
    let count = channels.len() as f64;
    let mean = channels.iter().map(|channel| channel.mean).sum::<f64>() / count;
    let variance = |channel: &ChannelStatistics| channel.variance + (channel.mean - mean) * (channel.mean - mean);
    let variance = channels.iter().map(variance).sum::<f64>() / count;
    Statistics { mean: mean as f32, deviation_inverse: (1.0 / (variance + EPSILON).sqrt()) as f32 }
}

impl Statistics {
    fn new(group: &[f32]) -> Self {
        let count = group.len() as f64;
        let mean = sum(group, 0.0) / count;
        let variance = sum_of_squares(group, mean as f32) / count;
        Self { mean: mean as f32, deviation_inverse: (1.0 / (variance + EPSILON).sqrt()) as f32 }
    }
}

impl CustomOp3 for GroupNorm {
    fn name(&self) -> &'static str {
        "group norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        scale: &CpuStorage,
        scale_layout: &Layout,
        shift: &CpuStorage,
        shift_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let grouping = Grouping::new(x_layout.dims(), scale_layout.dims(), shift_layout.dims())?;
        let x = values(self.name(), x, x_layout)?;
        let scale = values(self.name(), scale, scale_layout)?;
        let shift = values(self.name(), shift, shift_layout)?;
        let Grouping { channels, pixels } = grouping;
        let mut y = vec![0.0; x.len()];
        let groups = y.par_chunks_mut(grouping.group_len().max(1)).zip(x.par_chunks(grouping.group_len().max(1)));
        groups.enumerate().for_each(|(group, (y, x))| {
            let statistics = Statistics::new(x);
            for (channel, (y, x)) in y.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels)).enumerate() {
                let index = group * channels + channel;
                let factor = scale[index] * statistics.deviation_inverse;
                let offset = shift[index] - factor * statistics.mean;
                match self.activation {
                    Activation::Identity => affine(y, x, factor, offset),
                    Activation::Silu => affine_silu(y, x, factor, offset),
                }
            }
        });
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        scale: &Tensor,
        shift: &Tensor,
        _y: &Tensor,
        y_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grouping = Grouping::new(x.dims(), scale.dims(), shift.dims())?;
        let gradients = with_values(self.name(), x, |x| {
            with_values(self.name(), scale, |scale| {
                with_values(self.name(), shift, |shift| {
                    with_values(self.name(), y_gradient, |y_gradient| {
                        Ok(self.gradients(grouping, x, scale, shift, y_gradient))
                    })
                })
            })
        })?;
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(gradients.x, x.shape(), device)?),
            Some(Tensor::from_vec(gradients.scale, scale.shape(), device)?),
            Some(Tensor::from_vec(gradients.shift, shift.shape(), device)?),
        ))
    }
}

struct Gradients {
    x: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl GroupNorm {
    /// With `h = (x - mean) / deviation`, `u = scale h + shift` and `g = dL/du`:
    /// `d scale = sum g h`, `d shift = sum g`, `dx = (scale g - mean(scale g) - h mean(scale g h)) / deviation`.
    fn gradients(&self, grouping: Grouping, x: &[f32], scale: &[f32], shift: &[f32], y_gradient: &[f32]) -> Gradients {
        let Grouping { channels, pixels } = grouping;
        let len = grouping.group_len().max(1);
        let mut gradients =
            Gradients { x: vec![0.0; x.len()], scale: vec![0.0; scale.len()], shift: vec![0.0; shift.len()] };
        let outputs = gradients
            .x
            .par_chunks_mut(len)
            .zip(gradients.scale.par_chunks_mut(channels))
            .zip(gradients.shift.par_chunks_mut(channels));
        outputs.enumerate().for_each(|(group, ((x_gradient, scale_gradient), shift_gradient))| {
            let x = &x[group * len..][..len];
            let statistics = Statistics::new(x);
            let scale = &scale[group * channels..][..channels];
            let factors: Vec<f32> = scale.iter().map(|scale| scale * statistics.deviation_inverse).collect();
            let shift = &shift[group * channels..];
            let offsets: Vec<f32> =
                factors.iter().zip(shift).map(|(factor, shift)| shift - factor * statistics.mean).collect();
            let x: Vec<&[f32]> = x.chunks_exact(pixels).collect();
            let activation = self.activation;
            let back = GroupGradient { activation, statistics, scale, factors: &factors, offsets: &offsets, x: &x };
            let mut y_gradient = y_gradient[group * len..][..len].to_vec();
            let targets = x_gradient.chunks_exact_mut(pixels).map(|values| Target { values, adds: false });
            back.run(&mut y_gradient, &mut targets.collect::<Vec<_>>(), scale_gradient, shift_gradient);
        });
        gradients
    }
}

/// The way back through the normalisation of a group.
pub struct GroupGradient<'a> {
    pub activation: Activation,
    pub statistics: Statistics,
    /// For each channel of the group.
    pub scale: &'a [f32],
    /// `scale / deviation`.
    pub factors: &'a [f32],
    /// What `factor x` lacks to what is activated.
    pub offsets: &'a [f32],
    /// The planes of the channels.
    pub x: &'a [&'a [f32]],
}

impl GroupGradient<'_> {
    /// From the gradient of the planes, which it overwrites, to those of x, scale and shift.
    pub fn run(
        &self,
        gradient: &mut [f32],
        targets: &mut [Target<'_>],
        scale_gradient: &mut [f32],
        shift_gradient: &mut [f32],
    ) {
        let (len, pixels) = (gradient.len(), gradient.len() / self.x.len());
        let Statistics { mean, deviation_inverse } = self.statistics;
        let (mut mean_gradient, mut mean_product) = (0.0, 0.0);
        for (channel, gradient) in gradient.chunks_exact_mut(pixels).enumerate() {
            let x = self.x[channel];
            let [sum, product] = match self.activation {
                Activation::Identity => gradient_sums(gradient, x, mean),
                Activation::Silu => silu_gradient(gradient, x, self.factors[channel], self.offsets[channel], mean),
            };
            let product = product * f64::from(deviation_inverse);
            scale_gradient[channel] = product as f32;
            shift_gradient[channel] = sum as f32;
            mean_gradient += f64::from(self.scale[channel]) * sum;
            mean_product += f64::from(self.scale[channel]) * product;
        }
        // dx = a g + b x + c, with constants for each channel.
        let slope = -(mean_product / len as f64) as f32 * deviation_inverse * deviation_inverse;
        let constant = -(mean_gradient / len as f64) as f32 * deviation_inverse - slope * mean;
        for ((gradient, target), (x, factor)) in
            gradient.chunks_exact(pixels).zip(targets).zip(self.x.iter().zip(self.factors))
        {
            match target.adds {
                true => combine::<true>(target.values, gradient, x, *factor, slope, constant),
                false => combine::<false>(target.values, gradient, x, *factor, slope, constant),
            }
        }
    }
}

// Sums run in f32 over short blocks, so that they vectorise, and in f64 over the blocks.
const BLOCK: usize = 256;

/// Sum of the distances from an origin.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub fn sum(values: &[f32], origin: f32) -> f64 {
    values.chunks(BLOCK).map(|block| f64::from(lanes(block, block, |value, _| value - origin))).sum()
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn sum_of_squares(values: &[f32], origin: f32) -> f64 {
    let square = |value: f32, _| (value - origin) * (value - origin);
    values.chunks(BLOCK).map(|block| f64::from(lanes(block, block, square))).sum()
}

/// `sum a` and `sum a (b - origin)`.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn gradient_sums(a: &[f32], b: &[f32], origin: f32) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
        sums[0] += f64::from(lanes(a, b, |a, _| a));
        sums[1] += f64::from(lanes(a, b, |a, b| a * (b - origin)));
    }
    sums
}

/// Sum of `term` with sixteen running sums, the order of which does not depend on the processor.
#[inline(always)]
fn lanes(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0.0_f32; 16];
    let (a_vectors, a_rest) = a.as_chunks::<16>();
    let (b_vectors, b_rest) = b.as_chunks::<16>();
    for (a, b) in a_vectors.iter().zip(b_vectors) {
        for lane in 0..16 {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    for ((sum, a), b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
        *sum += term(*a, *b);
    }
    sums.iter().sum()
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub fn affine(y: &mut [f32], x: &[f32], factor: f32, offset: f32) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y = factor * x + offset);
}

#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
pub fn affine_silu(y: &mut [f32], x: &[f32], factor: f32, offset: f32) {
    for (y, x) in y.iter_mut().zip(x) {
        let u = factor * x + offset;
        *y = u * sigmoid(u);
    }
}

/// `dL/du` from `dL/dy` in place, with `y = u sigmoid(u)`, `u = factor x + offset`; and the [`gradient_sums`] of it.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn silu_gradient(gradient: &mut [f32], x: &[f32], factor: f32, offset: f32, mean: f32) -> [f64; 2] {
    let mut sums = [0.0; 2];
    for (gradient, x) in gradient.chunks_mut(BLOCK).zip(x.chunks(BLOCK)) {
        for (gradient, x) in gradient.iter_mut().zip(x) {
            let u = factor * x + offset;
            let s = sigmoid(u);
            *gradient *= s + u * s * (1.0 - s);
        }
        sums[0] += f64::from(lanes(gradient, x, |gradient, _| gradient));
        sums[1] += f64::from(lanes(gradient, x, |gradient, x| gradient * (x - mean)));
    }
    sums
}

/// `target = factor gradient + slope x + constant`, plus what was there.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn combine<const ADDS: bool>(target: &mut [f32], gradient: &[f32], x: &[f32], factor: f32, slope: f32, constant: f32) {
    for ((target, gradient), x) in target.iter_mut().zip(gradient).zip(x) {
        let value = factor * gradient + slope * x + constant;
        *target = if ADDS { *target + value } else { value };
    }
}

#[cfg(test)]
#[path = "group_norm_tests.rs"]
mod tests;
