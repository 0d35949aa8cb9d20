//! Two-dimensional convolution, 1x1 or 3x3, with the input's size: forward, data gradient and weight gradient.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::conv2d_geometry::Conv2dGeometry;
use super::convolution::Convolution;
use super::group_norm::sum;
use super::packed_weight::PackedWeight;
use super::plane_source::ImagePlanes;
use super::precision::Precision;
use super::storage::{values, with_values};
use super::tile_kernel::{COLUMNS, ROWS, Right, Tile, multiply_add};

/// `y[n, o, p] = bias[o] + sum_{i, tap} weight[o, i, tap] x[n, i, p + tap]`, zero outside of the image, stride 1.
///
/// `x` is (batch, input, y, x), `weight` (output, input, kernel, kernel) with a kernel of 1 or 3, `bias` (output). f32.
///
/// The precision is that of the products in the result and in the gradients.
///
/// # Errors
/// When a shape or a dtype does not fit.
pub fn conv2d(x: &Tensor, weight: &Tensor, bias: &Tensor, precision: Precision) -> Result<Tensor> {
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, Conv2d { precision })
}

struct Conv2d {
    precision: Precision,
}

impl CustomOp3 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = Conv2dGeometry::new(x_layout.dims(), weight_layout.dims())?;
        if bias_layout.dims() != [geometry.outputs] {
            bail!("conv2d: expected a bias of shape [{}], got {:?}", geometry.outputs, bias_layout.dims());
        }
        let x = values(self.name(), x, x_layout)?;
        let weight = values(self.name(), weight, weight_layout)?;
        let bias = values(self.name(), bias, bias_layout)?;
        let weight = PackedWeight::new(&geometry, weight, self.precision);
        let mut y = vec![0.0; geometry.batch * geometry.outputs * geometry.pixels()];
        let convolution = Convolution { geometry, weight: &weight, bias: Some(bias), residual: None };
        convolution.run(&ImagePlanes::new(&geometry, x), &mut y);
        Ok((CpuStorage::F32(y), Shape::from(&geometry.output_shape())))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        y_gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let geometry = Conv2dGeometry::new(x.dims(), weight.dims())?;
        let device = x.device();
        with_values(self.name(), y_gradient, |y_gradient| {
            let x_gradient = match x.track_op() {
                false => None,
                true => {
                    let gradient = with_values(self.name(), weight, |weight| {
                        let packed = PackedWeight::transposed(&geometry, weight, self.precision);
                        Ok(data_gradient(&geometry, &packed, y_gradient))
                    })?;
                    Some(Tensor::from_vec(gradient, x.shape(), device)?)
                }
            };
            let weight_gradient = match weight.track_op() {
                false => None,
                true => {
                    let gradient =
                        with_values(self.name(), x, |x| Ok(weight_gradient(&geometry, x, y_gradient, self.precision)))?;
                    Some(Tensor::from_vec(gradient, weight.shape(), device)?)
                }
            };
            let bias_gradient = match bias.track_op() {
                false => None,
                true => Some(Tensor::from_vec(bias_gradient(&geometry, y_gradient), bias.shape(), device)?),
            };
            Ok((x_gradient, weight_gradient, bias_gradient))
        })
    }
}

/// `dx[n, i, p] = sum_{o, tap} weight[o, i, tap] dy[n, o, p - tap]`, with the weight of the transposed convolution.
fn data_gradient(geometry: &Conv2dGeometry, weight: &PackedWeight, y_gradient: &[f32]) -> Vec<f32> {
    let geometry = geometry.transposed();
    let mut gradient = vec![0.0; geometry.batch * geometry.outputs * geometry.pixels()];
    let convolution = Convolution { geometry, weight, bias: None, residual: None };
    convolution.run(&ImagePlanes::new(&geometry, y_gradient), &mut gradient);
    gradient
}

/// Tiles of a task: few enough that every thread has one. The results do not depend on it.
fn tiles_per_task(geometry: &Conv2dGeometry) -> usize {
    let tiles = geometry.outputs.div_ceil(ROWS);
    (tiles * geometry.batch / rayon::current_num_threads()).clamp(1, tiles)
}

/// `dW[o, i, tap] = sum_{n, p} dy[n, o, p] x[n, i, p + tap]`: a product over pixels, channels as the fast axis.
///
/// One task makes some tiles of [`ROWS`] output channels, walking over the pixels in strips that stay in the cache.
fn weight_gradient(geometry: &Conv2dGeometry, x: &[f32], y_gradient: &[f32], precision: Precision) -> Vec<f32> {
    let (right, left, share) = match precision {
        Precision::F32 => (geometry.channels_last(x), geometry.output_tiles(y_gradient), 1),
        Precision::Bf16 => (geometry.channels_last(x).in_pairs(), geometry.output_tiles(y_gradient).in_pairs(), 2),
    };
    let offsets = geometry.tap_offsets();
    let (positions, width) = (geometry.positions(), right.width);
    let blocks = channel_blocks(width);
    let strip = strip_length(width);
    let rows: Vec<usize> = (0..strip).step_by(share).map(|position| position * width).collect();
    let tile_len = ROWS * geometry.inputs * geometry.taps();
    // All images belong to one sum, so that the tasks share the channels only.
    let group = tiles_per_task(&Conv2dGeometry { batch: 1, ..*geometry });
    let mut gradient = vec![0.0; geometry.outputs * geometry.inputs * geometry.taps()];
    gradient.par_chunks_mut(group * tile_len).enumerate().for_each(|(task, gradient)| {
        let tiles = gradient.len().div_ceil(tile_len);
        let mut sums = vec![[[0.0; COLUMNS]; ROWS]; tiles * offsets.len() * blocks.len()];
        for image in 0..geometry.batch {
            let values = right.image(image);
            for start in (0..positions).step_by(strip) {
                let end = (start + strip).min(positions);
                for (tile, sums) in sums.chunks_exact_mut(offsets.len() * blocks.len()).enumerate() {
                    let left = &left.tile(image, task * group + tile)[start / share..end.div_ceil(share)];
                    for (offset, sums) in offsets.iter().zip(sums.chunks_exact_mut(blocks.len())) {
                        for ((first, columns), sums) in blocks.iter().zip(sums) {
                            let values = &values[(start + offset) * width + first..];
                            multiply_add(sums, *columns, left, &Right { values, offsets: &rows }, precision);
                        }
                    }
                }
            }
        }
        let tiles = gradient.chunks_mut(tile_len).zip(sums.chunks_exact(offsets.len() * blocks.len()));
        tiles.for_each(|(gradient, sums)| unpack_weight_gradient(geometry, &blocks, sums, gradient));
    });
    gradient
}

/// Sorts the sums of a tile, (tap, block of inputs) by (output, input), into the weight's order (output, input, tap).
fn unpack_weight_gradient(geometry: &Conv2dGeometry, blocks: &[(usize, usize)], sums: &[Tile], gradient: &mut [f32]) {
    let taps = geometry.taps();
    for (row, gradient) in gradient.chunks_exact_mut(geometry.inputs * taps).enumerate() {
        for (tap, sums) in sums.chunks_exact(blocks.len()).enumerate() {
            for ((first, columns), sums) in blocks.iter().zip(sums) {
                let inputs = *first..(first + columns).min(geometry.inputs);
                for (input, sum) in inputs.zip(sums[row]) {
                    gradient[input * taps + tap] = sum;
                }
            }
        }
    }
}

/// Cuts channels (a multiple of 16) into blocks of at most [`COLUMNS`]. Blocks of 16 are slow, so 64 is 32 + 32.
fn channel_blocks(width: usize) -> Vec<(usize, usize)> {
    let mut blocks = Vec::new();
    let mut first = 0;
    while first < width {
        let columns = match width - first {
            64 => 32,
            rest => rest.min(COLUMNS),
        };
        blocks.push((first, columns));
        first += columns;
    }
    blocks
}

/// Pixels of a strip, an even number, whose values stay in the second-level cache while every tap and block of channels reads them.
fn strip_length(width: usize) -> usize {
    (1 << 16 >> width.max(1).ilog2()).clamp(64, 512)
}

/// Sum over images and pixels.
fn bias_gradient(geometry: &Conv2dGeometry, y_gradient: &[f32]) -> Vec<f32> {
    let pixels = geometry.pixels();
    let plane = |image: usize, output: usize| &y_gradient[(image * geometry.outputs + output) * pixels..][..pixels];
    let sum = |output| (0..geometry.batch).map(|image| sum(plane(image, output), 0.0)).sum::<f64>() as f32;
    (0..geometry.outputs).into_par_iter().map(sum).collect()
}

#[cfg(test)]
#[path = "conv2d_tests.rs"]
mod tests;
