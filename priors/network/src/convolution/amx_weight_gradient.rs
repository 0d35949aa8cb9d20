//! The gradient of a convolution's weight in bfloat16 on tile registers.

use rayon::prelude::*;

use crate::convolution::geometry::{Conv2dGeometry, PlaneSource};
use crate::convolution::weight_gradient::WeightGradient;
use crate::products::amx::{BLOCK, SIDE};
use crate::products::amx_planes::{AmxPlanes, PlaneSums, multiply_add};
use crate::products::plane_products::LANES;
use crate::products::precision::Bf16;
use crate::tape::Buffer;

/// Positions that are multiplied in one go: 32 outputs and 16 inputs of so many stay in the first-level cache while they meet all
/// taps.
const STRIP: usize = 256;

/// Blocks of 16 inputs of a task: two by two tiles of sums.
const TASK_BLOCKS: usize = 2;

/// Numbers of a plane that share the place of an f32.
const PAIR: usize = 2;

/// Pairs of pixels of 16 inputs side by side, in blocks (image, block of inputs, parity, pair, input): those that begin at even
/// positions, then those at odd ones, so that every tap begins at a pair.
struct Columns {
    values: Buffer,
    /// Pairs of a plane.
    rows: usize,
    /// Blocks of 16 inputs.
    blocks: usize,
}

impl WeightGradient<'_> {
    /// Whether the tiles are filled well enough to be worth it.
    pub(super) fn fills_tiles(&self) -> bool {
        self.geometry.outputs >= SIDE && self.geometry.inputs >= SIDE / 2
    }

    /// As [`run`](Self::run), in bfloat16.
    pub(super) fn run_on_tiles(
        &self,
        x: &dyn PlaneSource,
        y_gradient: &dyn PlaneSource,
        weight: &mut [f32],
        bias: &mut [f32],
    ) {
        let Conv2dGeometry { batch, inputs, outputs, .. } = self.geometry;
        let padded = outputs.next_multiple_of(BLOCK);
        let columns = self.columns(x);
        let y_gradient = self.y_planes::<Bf16>(y_gradient, padded, bias);
        let stride = y_gradient.stride / PAIR;
        let taps = self.geometry.tap_offsets();
        let positions = self.geometry.positions().next_multiple_of(LANES);
        let sums_of = |tile: usize, first_block: usize| {
            let blocks = first_block..(first_block + TASK_BLOCKS).min(columns.blocks);
            let mut sums: Vec<PlaneSums> = vec![[[0.0; SIDE]; BLOCK]; blocks.len() * taps.len()];
            for (image, start) in (0..batch).flat_map(|image| (0..positions).step_by(STRIP).map(move |s| (image, s))) {
                let offset = |block, tap: &usize| columns.offset(image, block, start + tap);
                let offsets: Vec<usize> =
                    blocks.clone().flat_map(|block| taps.iter().map(move |tap| offset(block, tap))).collect();
                let planes = AmxPlanes {
                    left: &y_gradient.values[(image * padded + tile * BLOCK) * stride + start / PAIR..],
                    stride,
                    right: &columns.values,
                    pairs: STRIP.min(positions - start) / PAIR,
                };
                multiply_add(&mut sums, &planes, &offsets);
            }
            sums
        };
        weight.par_chunks_mut(BLOCK * inputs * taps.len()).enumerate().for_each(|(tile, weight)| {
            let firsts: Vec<usize> = (0..columns.blocks).step_by(TASK_BLOCKS).collect();
            let sums: Vec<Vec<PlaneSums>> = firsts.into_par_iter().map(|first| sums_of(tile, first)).collect();
            let sums: Vec<&PlaneSums> = sums.iter().flatten().collect();
            for (output, weight) in weight.chunks_exact_mut(inputs * taps.len()).enumerate() {
                for (input, weight) in weight.chunks_exact_mut(taps.len()).enumerate() {
                    for (tap, value) in weight.iter_mut().enumerate() {
                        *value = sums[input / SIDE * taps.len() + tap][output][input % SIDE];
                    }
                }
            }
        });
    }

    /// The planes of the input, sorted for the tiles.
    fn columns(&self, x: &dyn PlaneSource) -> Columns {
        let Conv2dGeometry { batch, inputs, .. } = self.geometry;
        let planes = self.x_planes::<Bf16>(x);
        let (rows, blocks) = (planes.stride / PAIR, inputs.div_ceil(SIDE));
        let mut values = self.arena.buffer(batch * blocks * 2 * rows * SIDE);
        values.par_chunks_exact_mut(2 * rows * SIDE).enumerate().for_each(|(index, values)| {
            let (image, first) = (index / blocks, index % blocks * SIDE);
            let count = SIDE.min(inputs - first);
            let planes = &planes.values[(image * inputs + first) * rows..][..count * rows];
            let (even, odd) = values.split_at_mut(rows * SIDE);
            for column in 0..SIDE {
                match planes.chunks_exact(rows).nth(column) {
                    Some(plane) => write_column(even, odd, column, plane),
                    None => {
                        let all = even.iter_mut().chain(odd.iter_mut());
                        all.skip(column).step_by(SIDE).for_each(|value| *value = 0.0);
                    }
                }
            }
        });
        Columns { values, rows, blocks }
    }
}

impl Columns {
    /// Where the pairs from a position on begin.
    fn offset(&self, image: usize, block: usize, position: usize) -> usize {
        (((image * self.blocks + block) * 2 + position % PAIR) * self.rows + position / PAIR) * SIDE
    }
}

/// One plane of pairs as a column of rows of 16: as it is, and one pixel further.
fn write_column(even: &mut [f32], odd: &mut [f32], column: usize, plane: &[f32]) {
    let next = plane.iter().skip(1).chain([&0.0]);
    let rows = even.as_chunks_mut::<SIDE>().0.iter_mut().zip(odd.as_chunks_mut::<SIDE>().0);
    for ((even, odd), (pair, next)) in rows.zip(plane.iter().zip(next)) {
        even[column] = *pair;
        odd[column] = f32::from_bits(pair.to_bits() >> 16 | next.to_bits() << 16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolution::geometry::ImagePlanes;
    use crate::products::precision::{Precision, numbers, pair};
    use crate::tape::Arena;
    use crate::tensor::testing::{random, relative_error};

    /// Odd shapes, blocks and tiles that are not full, several strips; both taps at even and at odd positions.
    #[test]
    fn is_the_gradient_of_rounded_factors() {
        let rounded = |x: &[f32]| -> Vec<f32> { x.iter().map(|x| numbers(pair(*x, 0.0))[0]).collect() };
        for (batch, inputs, outputs, height, width) in [(1, 1, 1, 1, 1), (2, 17, 33, 5, 6), (1, 40, 20, 23, 29)] {
            for kernel in [1, 3] {
                let geometry = Conv2dGeometry { batch, inputs, outputs, height, width, kernel };
                let x = rounded(&random(&[batch, inputs, height, width], 1).into_values());
                let y = rounded(&random(&[batch, outputs, height, width], 2).into_values());
                let run = |tiles: bool| {
                    let gradient = WeightGradient {
                        geometry,
                        precision: if tiles { Precision::Bf16 } else { Precision::F32 },
                        arena: &Arena::default(),
                    };
                    let mut weight = vec![0.0; outputs * inputs * kernel * kernel];
                    let mut bias = vec![0.0; outputs];
                    let x = ImagePlanes::new(&geometry, &x);
                    let y = ImagePlanes::new(&geometry.transposed(), &y);
                    match tiles {
                        true => gradient.run_on_tiles(&x, &y, &mut weight, &mut bias),
                        false => gradient.run(&x, &y, &mut weight, &mut bias),
                    }
                    (weight, bias)
                };
                let ((weight, bias), (expected, expected_bias)) = (run(true), run(false));
                let error = relative_error(&weight, &expected);
                assert!(error < 2e-6, "{batch} {inputs} {outputs} {height} {width} {kernel}: {error:e}");
                assert_eq!(bias, expected_bias);
            }
        }
    }
}
