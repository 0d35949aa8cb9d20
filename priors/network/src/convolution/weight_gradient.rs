//! The gradients of a convolution's weight and bias.

use pulp::bytemuck::{Pod, cast_slice, cast_slice_mut};
use rayon::prelude::*;

use crate::convolution::geometry::{Conv2dGeometry, PlaneSource};
use crate::detection::Cpu;
use crate::products::plane_products::{COLUMNS, LANES, PlaneProducts, ROWS, Sums};
use crate::products::precision::{Bf16, Precision, write_rounded};
use crate::products::sums::sum;
use crate::tape::{Arena, Buffer};

/// Bytes of a plane that are multiplied in one go: those of a tile's planes stay in the first-level cache.
const STRIP_BYTES: usize = 8192;

/// `dW[o, i, tap] = sum_{n, p} dy[n, o, p] x[n, i, p + tap]` and `db[o] = sum_{n, p} dy[n, o, p]`.
///
/// A product of planes over their pixels: with a border of zeros around the image, a tap is a constant offset. Memory comes from the
/// arena.
pub struct WeightGradient<'a> {
    pub geometry: Conv2dGeometry,
    pub precision: Precision,
    pub arena: &'a Arena,
}

/// A number of the products.
pub(super) trait Number: Pod + Sync + Send {
    fn write_row(values: &mut [Self], x: &[f32]);
    fn products(left: [&[Self]; ROWS], right: [&[Self]; COLUMNS]) -> Sums;
}

impl Number for f32 {
    fn write_row(values: &mut [f32], x: &[f32]) {
        values.copy_from_slice(x);
    }

    fn products(left: [&[f32]; ROWS], right: [&[f32]; COLUMNS]) -> Sums {
        PlaneProducts { left, right }.in_f32()
    }
}

impl Number for Bf16 {
    fn write_row(values: &mut [Bf16], x: &[f32]) {
        write_rounded(values, x);
    }

    fn products(left: [&[Bf16]; ROWS], right: [&[Bf16]; COLUMNS]) -> Sums {
        PlaneProducts { left, right }.in_bf16()
    }
}

/// Planes with one row after the other and zeros between them, in the numbers of the products.
pub(super) struct Planes {
    pub values: Buffer,
    /// Numbers from one plane to the next.
    pub stride: usize,
}

impl WeightGradient<'_> {
    /// Writes the gradients of the weight (output, input, tap) and of the bias (output).
    pub fn run(&self, x: &dyn PlaneSource, y_gradient: &dyn PlaneSource, weight: &mut [f32], bias: &mut [f32]) {
        if weight.is_empty() {
            return;
        }
        match self.precision {
            Precision::F32 => self.run_in::<f32>(x, y_gradient, weight, bias),
            Precision::Bf16 if Cpu::chosen().has_tile_registers() && self.fills_tiles() => {
                self.run_on_tiles(x, y_gradient, weight, bias);
            }
            Precision::Bf16 => self.run_in::<Bf16>(x, y_gradient, weight, bias),
        }
    }

    fn run_in<N: Number>(
        &self,
        x: &dyn PlaneSource,
        y_gradient: &dyn PlaneSource,
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        let Conv2dGeometry { batch, inputs, outputs, .. } = self.geometry;
        let x = self.x_planes::<N>(x);
        let y_gradient = self.y_planes::<N>(y_gradient, outputs, bias);
        let (x_values, y_values) = (cast_slice::<f32, N>(&x.values), cast_slice::<f32, N>(&y_gradient.values));
        let offsets = self.geometry.term_offsets(inputs, x.stride);
        let (columns, positions) = (offsets.len(), self.geometry.positions().next_multiple_of(LANES));
        let strip = STRIP_BYTES / size_of::<N>();
        let group = outputs.div_ceil(2 * rayon::current_num_threads()).next_multiple_of(ROWS);
        weight.par_chunks_mut(group * columns).enumerate().for_each(|(task, weight)| {
            weight.fill(0.0);
            for (image, start) in (0..batch).flat_map(|image| (0..positions).step_by(strip).map(move |s| (image, s))) {
                let len = strip.min(positions - start);
                for (block, weight) in weight.chunks_mut(ROWS * columns).enumerate() {
                    let left = std::array::from_fn(|row| {
                        let output = (task * group + block * ROWS + row).min(outputs - 1);
                        &y_values[(image * outputs + output) * y_gradient.stride + start..][..len]
                    });
                    for first in (0..columns).step_by(COLUMNS) {
                        let right = std::array::from_fn(|column| {
                            let offset = offsets[(first + column).min(columns - 1)];
                            &x_values[image * inputs * x.stride + offset + start..][..len]
                        });
                        let sums = N::products(left, right);
                        for (row, weight) in weight.chunks_exact_mut(columns).enumerate() {
                            weight[first..].iter_mut().zip(sums).for_each(|(value, sums)| *value += sums[row]);
                        }
                    }
                }
            }
        });
    }

    /// The input with zeros above, left and below; what lies right of a row lies left of the next.
    pub(super) fn x_planes<N: Number>(&self, x: &dyn PlaneSource) -> Planes {
        let Conv2dGeometry { batch, inputs, .. } = self.geometry;
        let (row, border) = (self.geometry.row(), self.geometry.border());
        let reach = self.geometry.positions().next_multiple_of(LANES) + 2 * border * (row + 1);
        let (planes, _) = self.planes::<N>(reach, batch * inputs, [border, border], |plane, y, values| {
            x.read_row(plane / inputs, plane % inputs, y, values);
            0.0
        });
        planes
    }

    /// The output's gradient with zeros at the right, `count` planes an image of which those beyond the outputs are zero. Writes the sum of
    /// each plane over all images, the gradient of the bias.
    pub(super) fn y_planes<N: Number>(&self, y_gradient: &dyn PlaneSource, count: usize, bias: &mut [f32]) -> Planes {
        let Conv2dGeometry { batch, outputs, .. } = self.geometry;
        let reach = self.geometry.positions().next_multiple_of(LANES);
        let (planes, sums) = self.planes::<N>(reach, batch * count, [0, 0], |plane, y, values| {
            if plane % count >= outputs {
                values.fill(0.0);
                return 0.0;
            }
            y_gradient.read_row(plane / count, plane % count, y, values);
            sum(values, 0.0)
        });
        for (output, value) in bias.iter_mut().enumerate() {
            *value = (0..batch).map(|image| sums[image * count + output]).sum::<f64>() as f32;
        }
        planes
    }

    /// Planes of at least `len` numbers: `border` rows and columns of zeros, then the rows that `read` writes, then zeros. Returns the
    /// sum of what `read` returned for each plane too.
    fn planes<N: Number>(
        &self,
        len: usize,
        count: usize,
        [above, left]: [usize; 2],
        read: impl Fn(usize, usize, &mut [f32]) -> f64 + Sync,
    ) -> (Planes, Vec<f64>) {
        let Conv2dGeometry { height, width, .. } = self.geometry;
        // An odd number of cache lines, so that the planes do not fall on each other in the cache.
        let floats = ((len * size_of::<N>()).div_ceil(64) | 1) * 16;
        let mut values = self.arena.buffer(floats * count);
        let write = |(plane, values): (usize, &mut [f32])| {
            let (head, rest) = cast_slice_mut::<f32, N>(values).split_at_mut(above * self.geometry.row());
            let (rows, tail) = rest.split_at_mut(height * self.geometry.row());
            head.fill(N::zeroed());
            tail.fill(N::zeroed());
            let mut scratch = vec![0.0; width];
            rows.chunks_exact_mut(self.geometry.row()).enumerate().fold(0.0, |sum, (y, row)| {
                let part = read(plane, y, &mut scratch);
                row[..left].fill(N::zeroed());
                N::write_row(&mut row[left..left + width], &scratch);
                row[left + width..].fill(N::zeroed());
                sum + part
            })
        };
        let sums = values.par_chunks_exact_mut(floats).enumerate().map(write).collect();
        (Planes { values, stride: floats * size_of::<f32>() / size_of::<N>() }, sums)
    }
}
