//! Weights in the order in which the convolution's kernel reads them.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::amx::BLOCK;
use super::amx_weight::AmxWeight;
use super::conv2d_geometry::Conv2dGeometry;
use super::cpu::Cpu;
use super::precision::{Precision, pair};
use super::storage::with_values;
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
    /// What a processor with tile registers reads in the place of the terms.
    amx: Option<AmxWeight>,
}

impl PackedWeight {
    /// The weight (output, input, kernel, kernel) of a convolution as a tensor.
    ///
    /// # Errors
    /// When the tensor is no such weight.
    pub fn from_tensor(weight: &Tensor, precision: Precision) -> Result<Self> {
        let (_, inputs, _, _) = weight.dims4()?;
        let geometry = Conv2dGeometry::new(&[1, inputs, 1, 1], weight.dims())?;
        with_values("conv2d", weight, |weight| Ok(Self::new(&geometry, weight, precision)))
    }

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
        if precision == Precision::Bf16 && Cpu::chosen().has_tile_registers() {
            return Self::for_tile_registers(outputs, inputs, taps, value);
        }
        let tiles = outputs.div_ceil(ROWS);
        let share = precision.inputs_per_term();
        let terms = vec![[0.0; ROWS]; tiles * inputs.div_ceil(share) * taps];
        let mut packed = Self { precision, terms, tiles, taps, inputs, amx: None };
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

    /// The weight with these values, by output, input and tap, in bfloat16 as tile registers read it.
    pub fn for_tile_registers(
        outputs: usize,
        inputs: usize,
        taps: usize,
        value: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let amx = Some(AmxWeight::new(outputs, inputs, taps, value));
        Self { precision: Precision::Bf16, terms: Vec::new(), tiles: 0, taps, inputs, amx }
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

    /// The weight as tile registers read it, on processors that have them.
    pub fn amx(&self) -> Option<&AmxWeight> {
        self.amx.as_ref()
    }

    /// Outputs that are computed together.
    pub fn tile_outputs(&self) -> usize {
        if self.amx.is_some() { BLOCK } else { ROWS }
    }
}
