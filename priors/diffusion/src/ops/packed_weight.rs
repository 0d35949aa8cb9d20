//! Weights in the order in which the convolution's kernel reads them.

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::conv2d_geometry::Conv2dGeometry;
use super::storage::with_values;
use super::tile_kernel::{Left, ROWS};

/// Terms (input, tap) that are summed in one go: those of one tile of outputs and what they read stay in the first-level
/// cache.
const BLOCK_TERMS: usize = 288;

/// The weight of a convolution as left factors: for each block of inputs and each tile of [`ROWS`] outputs the terms
/// (input, tap).
pub struct PackedWeight {
    terms: Vec<Left>,
    tiles: usize,
    taps: usize,
    inputs: usize,
}

impl PackedWeight {
    /// The weight (output, input, kernel, kernel) of a convolution as a tensor.
    ///
    /// # Errors
    /// When the tensor is no such weight.
    pub fn from_tensor(weight: &Tensor) -> Result<Self> {
        let (_, inputs, _, _) = weight.dims4()?;
        let geometry = Conv2dGeometry::new(&[1, inputs, 1, 1], weight.dims())?;
        with_values("conv2d", weight, |weight| Ok(Self::new(&geometry, weight)))
    }

    /// The weight (output, input, tap) of a convolution.
    pub fn new(geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::pack(geometry.outputs, inputs, taps, |output, input, tap| weight[(output * inputs + input) * taps + tap])
    }

    /// The weight of the transposed convolution: outputs and inputs swapped, taps mirrored.
    pub fn transposed(geometry: &Conv2dGeometry, weight: &[f32]) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::pack(inputs, geometry.outputs, taps, |input, output, tap| {
            weight[(output * inputs + input) * taps + taps - 1 - tap]
        })
    }

    fn pack(outputs: usize, inputs: usize, taps: usize, value: impl Fn(usize, usize, usize) -> f32 + Sync) -> Self {
        let tiles = outputs.div_ceil(ROWS);
        let mut packed = Self { terms: vec![[0.0; ROWS]; tiles * inputs * taps], tiles, taps, inputs };
        let block = packed.block_inputs();
        packed.terms.par_chunks_mut((block * tiles * taps).max(1)).enumerate().for_each(|(index, terms)| {
            let len = terms.len() / tiles;
            for (tile, terms) in terms.chunks_exact_mut(len).enumerate() {
                let rows = (outputs - tile * ROWS).min(ROWS);
                for (term, left) in terms.iter_mut().enumerate() {
                    for (row, left) in left[..rows].iter_mut().enumerate() {
                        *left = value(tile * ROWS + row, index * block + term / taps, term % taps);
                    }
                }
            }
        });
        packed
    }

    /// Inputs of a block; the last one may have fewer.
    pub fn block_inputs(&self) -> usize {
        BLOCK_TERMS / self.taps
    }

    /// The terms of a tile of outputs over the block of inputs that begins at `first`.
    pub fn block(&self, first: usize, tile: usize) -> &[Left] {
        let terms = self.block_inputs().min(self.inputs - first) * self.taps;
        &self.terms[first * self.tiles * self.taps + tile * terms..][..terms]
    }
}
