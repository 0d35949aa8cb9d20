//! Convolutions in bfloat16 on tile registers.

use std::cell::RefCell;

use crate::convolution::geometry::PlaneSource;
use crate::convolution::task::{Convolution, Strip, Task};
use crate::products::amx::{AmxRight, AmxSums, AmxWeight, BLOCK, SIDE};
use crate::products::precision::Precision;

/// Memory of a thread.
#[derive(Default)]
struct Scratch {
    /// Pairs of inputs of a strip, and zeros in the place of those that are missing in the last block.
    planes: Vec<f32>,
    sums: Vec<AmxSums>,
    rows: [Vec<f32>; 2],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// One task of a convolution: as on other processors, a strip of a block of inputs after the other.
pub fn run_task(convolution: &Convolution<'_>, weight: &AmxWeight, x: &dyn PlaneSource, task: Task<'_>) {
    SCRATCH.with_borrow_mut(|scratch| {
        let geometry = &convolution.geometry;
        let strip = Strip::new(geometry, task.first_row, task.planes[0].len() / geometry.width, BLOCK);
        let first_tile = task.first_output / BLOCK;
        let tiles = first_tile..first_tile + task.planes.len().div_ceil(BLOCK);
        let Scratch { planes, sums, rows } = scratch;
        sums.clear();
        sums.resize(strip.positions.div_ceil(BLOCK) * tiles.len(), [[0.0; BLOCK]; BLOCK]);
        let most = weight.planes(0);
        planes.resize(planes.len().max(most * strip.stride), 0.0);
        let offsets = geometry.term_offsets(most / SIDE, SIDE * strip.stride);
        for first in (0..geometry.inputs).step_by(weight.block_inputs()) {
            let planes = &mut planes[..weight.planes(first) * strip.stride];
            for (index, plane) in planes.chunks_exact_mut(strip.stride).enumerate() {
                match first + 2 * index < geometry.inputs {
                    true => strip.read(geometry, x, [task.image, first + 2 * index], Precision::Bf16, plane, rows),
                    false => plane.fill(0.0),
                }
            }
            let right = AmxRight { values: planes, offsets: &offsets, stride: strip.stride };
            weight.multiply_add(sums, first, tiles.clone(), &right);
        }
        convolution.store(task, sums.as_flattened(), tiles.len() * BLOCK, &mut rows[0]);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convolution::geometry::Conv2dGeometry;
    use crate::convolution::geometry::ImagePlanes;
    use crate::convolution::packed_weight::PackedWeight;
    use crate::convolution::tests::plain_convolution;
    use crate::convolution::weights::WeightTaps;
    use crate::products::precision::{numbers, pair};
    use crate::tensor::testing::{random, relative_error};

    /// With a residual, in as many threads; on processors without tile registers in their order all the same.
    fn convolved(geometry: Conv2dGeometry, x: &[f32], weight: &[f32], bias: &[f32], threads: usize) -> Vec<f32> {
        let packed = PackedWeight::for_tile_registers(WeightTaps::new(&geometry, weight));
        let mut y: Vec<f32> = vec![0.0; geometry.batch * geometry.outputs * geometry.pixels()];
        let ones = vec![1.0; y.len()];
        let residual = ImagePlanes::new(&geometry.transposed(), &ones);
        let convolution = Convolution { geometry, weight: &packed, bias: Some(bias), residual: Some(&residual) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| convolution.run(&ImagePlanes::new(&geometry, x), &mut y));
        y
    }

    /// Odd shapes, more inputs than a block and more outputs than a tile. Products of rounded factors are exact.
    #[test]
    fn is_the_convolution_of_rounded_factors() {
        let rounded = |x: &[f32]| -> Vec<f32> { x.iter().map(|x| numbers(pair(*x, 0.0))[0]).collect() };
        for (batch, inputs, outputs, height, width) in
            [(1, 1, 1, 1, 1), (2, 3, 5, 4, 3), (1, 33, 33, 7, 17), (2, 65, 32, 5, 6), (1, 20, 70, 3, 61)]
        {
            for kernel in [1, 3] {
                let geometry = Conv2dGeometry { batch, inputs, outputs, height, width, kernel };
                let x = random(&[batch, inputs, height, width], 1).into_values();
                let weight = random(&[outputs, inputs, kernel, kernel], 2).into_values();
                let bias = random(&[outputs], 3).into_values();
                let ours = convolved(geometry, &x, &weight, &bias, 1);
                assert_eq!(ours, convolved(geometry, &x, &weight, &bias, 3), "on three threads");
                let mut expected = plain_convolution(&geometry, &rounded(&x), &rounded(&weight), &bias);
                expected.iter_mut().for_each(|value| *value += 1.0);
                let error = relative_error(&ours, &expected);
                assert!(error < 2e-6, "{batch} {inputs} {outputs} {height} {width} {kernel}: {error:e}");
            }
        }
    }
}
