//! Sizes of a convolution and the layouts in which it becomes a matrix product.

use candle_core::{Result, bail};
use rayon::prelude::*;

use super::precision::write_pairs;
use super::tile_kernel::{Left, ROWS};

/// Sizes of a convolution that keeps the image's size.
///
/// A *position* is a place in the image with a column of zeros between two rows (kernel 3): in this grid, a tap is a
/// constant offset, so that a whole image is one long row. Positions in the extra column give values that are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2dGeometry {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub height: usize,
    pub width: usize,
    pub kernel: usize,
}

/// Images with a zero border, the channels of a position side by side.
pub struct ChannelsLast {
    values: Vec<f32>,
    positions: usize,
    /// Channels, rounded up to a multiple of 16 with zeros.
    pub width: usize,
}

impl ChannelsLast {
    /// One image.
    pub fn image(&self, image: usize) -> &[f32] {
        &self.values[image * self.positions * self.width..][..self.positions * self.width]
    }
}

impl ChannelsLast {
    /// At every position, each channel's value in bfloat16 with that of the next position.
    pub fn in_pairs(self) -> Self {
        let mut pairs = vec![0.0; self.values.len()];
        let rows = pairs.par_chunks_mut(self.width).zip(self.values.par_windows(2 * self.width).step_by(self.width));
        rows.for_each(|(pairs, values)| {
            let (first, second) = values.split_at(self.width);
            write_pairs(pairs, first, second);
        });
        Self { values: pairs, ..self }
    }
}

/// Output gradients, [`ROWS`] channels of a position side by side, zero in the extra columns.
pub struct OutputTiles {
    values: Vec<Left>,
    tiles: usize,
    positions: usize,
}

impl OutputTiles {
    /// The positions of one tile of one image.
    pub fn tile(&self, image: usize, tile: usize) -> &[Left] {
        &self.values[(image * self.tiles + tile) * self.positions..][..self.positions]
    }
}

impl OutputTiles {
    /// Two positions in bfloat16 at a time.
    pub fn in_pairs(self) -> Self {
        let positions = self.positions.div_ceil(2);
        let mut pairs = vec![[0.0; ROWS]; self.values.len() / self.positions.max(1) * positions];
        let tiles = pairs.par_chunks_mut(positions.max(1)).zip(self.values.par_chunks(self.positions.max(1)));
        tiles.for_each(|(pairs, values)| {
            for (pair, values) in pairs.iter_mut().zip(values.chunks(2)) {
                write_pairs(pair, &values[0], values.get(1).unwrap_or(&[0.0; ROWS]));
            }
        });
        Self { values: pairs, positions, ..self }
    }
}

impl Conv2dGeometry {
    /// Reads the sizes of (batch, input, y, x) and (output, input, kernel, kernel).
    pub fn new(x: &[usize], weight: &[usize]) -> Result<Self> {
        let &[batch, inputs, height, width] = x else {
            bail!("conv2d: expected an input of shape [batch, channel, y, x], got {x:?}");
        };
        if x.contains(&0) || weight.contains(&0) {
            bail!("conv2d: expected at least one image, channel and pixel, got {x:?} and a weight of {weight:?}");
        }
        match *weight {
            [outputs, channels, kernel, kernel_width]
                if channels == inputs && kernel == kernel_width && matches!(kernel, 1 | 3) =>
            {
                Ok(Self { batch, inputs, outputs, height, width, kernel })
            }
            _ => bail!(
                "conv2d: expected a weight of shape [outputs, {inputs}, 1, 1] or [outputs, {inputs}, 3, 3], got {weight:?}"
            ),
        }
    }

    /// The convolution that carries gradients back.
    pub fn transposed(&self) -> Self {
        Self { inputs: self.outputs, outputs: self.inputs, ..*self }
    }

    pub fn output_shape(&self) -> [usize; 4] {
        [self.batch, self.outputs, self.height, self.width]
    }

    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Pixels that a tap reaches beyond the image.
    pub fn border(&self) -> usize {
        self.kernel / 2
    }

    /// Positions in a row: what lies left of a row lies right of the row before.
    pub fn row(&self) -> usize {
        self.width + self.border()
    }

    /// Positions of the output.
    pub fn positions(&self) -> usize {
        self.height * self.row()
    }

    /// Where each tap reads, relative to a position of the output.
    pub fn tap_offsets(&self) -> Vec<usize> {
        (0..self.taps()).map(|tap| tap / self.kernel * self.row() + tap % self.kernel).collect()
    }

    /// Where each term (input, tap) reads in planes of this distance, relative to a position of the output.
    pub fn term_offsets(&self, inputs: usize, stride: usize) -> Vec<usize> {
        let taps = self.tap_offsets();
        (0..inputs).flat_map(|input| taps.iter().map(move |tap| input * stride + tap)).collect()
    }

    /// Adds the border and brings the channels of a position together.
    pub fn channels_last(&self, x: &[f32]) -> ChannelsLast {
        let width = self.inputs.next_multiple_of(16);
        let rows = self.height + self.kernel; // one more for the reads past the last row
        let positions = rows * self.row();
        let mut values = vec![0.0; self.batch * positions * width];
        values.par_chunks_mut(positions * width).zip(x.par_chunks(self.inputs * self.pixels())).for_each(
            |(values, image)| {
                let border = self.border();
                let rows = values.par_chunks_mut(self.row() * width).skip(border).take(self.height);
                rows.enumerate().for_each(|(y, row)| {
                    interleave(
                        &mut row[border * width..][..self.width * width],
                        width,
                        image,
                        self.inputs,
                        |channel| (channel * self.height + y) * self.width,
                    );
                });
            },
        );
        ChannelsLast { values, positions, width }
    }

    /// Brings [`ROWS`] channels of a position together.
    pub fn output_tiles(&self, y_gradient: &[f32]) -> OutputTiles {
        let (tiles, positions) = (self.outputs.div_ceil(ROWS), self.positions());
        let mut values = vec![[0.0; ROWS]; self.batch * tiles * positions];
        values.par_chunks_mut(positions).enumerate().for_each(|(index, values)| {
            let (image, tile) = (index / tiles, index % tiles);
            let channels = (self.outputs - tile * ROWS).min(ROWS);
            let first = (image * self.outputs + tile * ROWS) * self.pixels();
            for (y, row) in values.chunks_exact_mut(self.row()).enumerate() {
                let row = row[..self.width].as_flattened_mut();
                interleave(row, ROWS, y_gradient, channels, |channel| first + channel * self.pixels() + y * self.width);
            }
        });
        OutputTiles { values, tiles, positions }
    }
}

/// `row[x * stride + channel] = source[start(channel) + x]`, a few pixels at a time so that the writes stay in the cache.
fn interleave(row: &mut [f32], stride: usize, source: &[f32], channels: usize, start: impl Fn(usize) -> usize) {
    const PIXELS: usize = 16;
    for (block, row) in row.chunks_mut(PIXELS * stride).enumerate() {
        let count = row.len() / stride;
        for channel in 0..channels {
            let source = &source[start(channel) + block * PIXELS..][..count];
            for (pixel, value) in row.chunks_exact_mut(stride).zip(source) {
                pixel[channel] = *value;
            }
        }
    }
}
