//! Weights in the order in which the convolution's kernel reads them.

use rayon::prelude::*;

use super::conv2d_geometry::Conv2dGeometry;
use super::precision::{Precision, pair};
use super::tile_kernel::{Left, ROWS};

/// Terms (input or pair of inputs, tap) that are summed in one go: those of one tile of outputs and what they read stay in the first-level
/// cache.
const BLOCK_TERMS: usize = 288;

/// The weight of a convolution as left factors: for each block of inputs and each tile of [`ROWS`] outputs the terms
/// (input or pair of inputs, tap).
pub struct PackedWeight {
    pub precision: Precision,
    terms: Vec<Left>,
    tiles: usize,
    taps: usize,
    inputs: usize,
}

impl PackedWeight {
    /// The weight (output, input, tap) of a convolution.
    pub fn new(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::pack(precision, geometry.outputs, inputs, taps, |output, input, tap| {
            weight[(output * inputs + input) * taps + tap]
        })
    }

    /// The weight of the transposed convolution: outputs and inputs swapped, taps mirrored.
    pub fn transposed(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::pack(precision, inputs, geometry.outputs, taps, |input, output, tap| {
            weight[(output * inputs + input) * taps + taps - 1 - tap]
        })
    }

    fn pack(
        precision: Precision,
        outputs: usize,
        inputs: usize,
        taps: usize,
        value: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let tiles = outputs.div_ceil(ROWS);
        let share = precision.inputs_per_term();
        let terms = vec![[0.0; ROWS]; tiles * inputs.div_ceil(share) * taps];
        let mut packed = Self { precision, terms, tiles, taps, inputs };
        let block = packed.block_inputs();
        packed.terms.par_chunks_mut((BLOCK_TERMS / taps * tiles * taps).max(1)).enumerate().for_each(
            |(index, terms)| {
                let len = terms.len() / tiles;
                for (tile, terms) in terms.chunks_exact_mut(len).enumerate() {
                    let rows = (outputs - tile * ROWS).min(ROWS);
                    for (term, left) in terms.iter_mut().enumerate() {
                        let (input, tap) = (index * block + term / taps * share, term % taps);
                        for (row, left) in left[..rows].iter_mut().enumerate() {
                            let value = |input: usize| value(tile * ROWS + row, input, tap);
                            *left = match precision {
                                Precision::F32 => value(input),
                                Precision::Bf16 => {
                                    pair(value(input), if input + 1 < inputs { value(input + 1) } else { 0.0 })
                                }
                            };
                        }
                    }
                }
            },
        );
        packed
    }

    /// Memory of a packed weight of these lengths.
    pub fn bytes(outputs: usize, inputs: usize, taps: usize, precision: Precision) -> u64 {
        let terms = outputs.div_ceil(ROWS) * inputs.div_ceil(precision.inputs_per_term()) * taps;
        (terms * size_of::<Left>()) as u64
    }

    /// Inputs of a block, an even number; the last one may have fewer.
    pub fn block_inputs(&self) -> usize {
        BLOCK_TERMS / self.taps * self.precision.inputs_per_term()
    }

    /// The terms of a tile of outputs over the block of inputs that begins at `first`.
    pub fn block(&self, first: usize, tile: usize) -> &[Left] {
        let share = self.precision.inputs_per_term();
        let terms = self.block_inputs().min(self.inputs - first).div_ceil(share) * self.taps;
        &self.terms[first / share * self.tiles * self.taps + tile * terms..][..terms]
    }
}
