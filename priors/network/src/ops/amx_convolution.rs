//! Convolutions in bfloat16 on tile registers.

use std::cell::RefCell;

use super::amx::{AmxRight, AmxSums, BLOCK, SIDE};
use super::amx_weight::AmxWeight;
use super::convolution::{Convolution, Strip, Task};
use super::plane_source::PlaneSource;
use super::precision::Precision;

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
    use candle_core::{DType, Result, Tensor};

    use super::super::conv2d_geometry::Conv2dGeometry;
    use super::super::gradient_check::{random, relative_error};
    use super::super::packed_weight::PackedWeight;
    use super::super::plane_source::ImagePlanes;
    use super::super::weight_taps::WeightTaps;
    use super::*;

    /// With a residual, in as many threads; on processors without tile registers in their order all the same.
    fn convolved(x: &Tensor, weight: &Tensor, bias: &Tensor, threads: usize) -> Result<Vec<f32>> {
        let geometry = Conv2dGeometry::new(x.dims(), weight.dims())?;
        let [x, weight, bias] = [x, weight, bias].map(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
        let (x, weight, bias) = (x?, weight?, bias?);
        let packed = PackedWeight::for_tile_registers(WeightTaps::new(&geometry, &weight));
        let mut y: Vec<f32> = vec![0.0; geometry.batch * geometry.outputs * geometry.pixels()];
        let ones = vec![1.0; y.len()];
        let residual = ImagePlanes::new(&geometry.transposed(), &ones);
        let convolution = Convolution { geometry, weight: &packed, bias: Some(&bias), residual: Some(&residual) };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(candle_core::Error::wrap)?;
        pool.install(|| convolution.run(&ImagePlanes::new(&geometry, &x), &mut y));
        Ok(y)
    }

    /// Odd shapes, more inputs than a block and more outputs than a tile. Products of rounded factors are exact.
    #[test]
    fn is_the_convolution_of_rounded_factors() -> Result<()> {
        let rounded = |x: &Tensor| x.to_dtype(DType::BF16)?.to_dtype(DType::F32);
        for (batch, inputs, outputs, height, width) in
            [(1, 1, 1, 1, 1), (2, 3, 5, 4, 3), (1, 33, 33, 7, 17), (2, 65, 32, 5, 6), (1, 20, 70, 3, 61)]
        {
            for kernel in [1, 3] {
                let x = random(&[batch, inputs, height, width], 1);
                let weight = random(&[outputs, inputs, kernel, kernel], 2);
                let bias = random(&[outputs], 3);
                let ours = convolved(&x, &weight, &bias, 1)?;
                assert_eq!(ours, convolved(&x, &weight, &bias, 3)?, "on three threads");
                let ours = Tensor::from_vec(ours, (batch, outputs, height, width), x.device())?;
                let expected = rounded(&x)?.conv2d(&rounded(&weight)?, kernel / 2, 1, 1, 1)?;
                let expected = (expected.broadcast_add(&bias.reshape((1, outputs, 1, 1))?)? + 1.0)?;
                let error = relative_error(&ours, &expected)?;
                assert!(error < 2e-6, "{batch} {inputs} {outputs} {height} {width} {kernel}: {error:e}");
            }
        }
        Ok(())
    }
}
