//! Group normalisation, scale and shift, and SiLU in one pass (Wu & He 2018): for each of 32 groups of channels of an image
//! `activation(scale (x - mean) / sqrt(variance + 1e-5) + shift)`, scale and shift of each channel.

use multiversion::multiversion;

use crate::products::sums::{BLOCK, gradient_sums, lanes, sigmoid, sum, sum_of_squares};

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

/// Memory that a gradient is added to, or the first of whose gradients it is.
pub struct Target<'a> {
    pub values: &'a mut [f32],
    pub adds: bool,
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
    /// With `h = (x - mean) / deviation`, `u = scale h + shift` and `g = dL/du`:
    /// `d scale = sum g h`, `d shift = sum g`, `dx = (scale g - mean(scale g) - h mean(scale g h)) / deviation`.
    ///
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
