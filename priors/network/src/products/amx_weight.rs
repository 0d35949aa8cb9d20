//! Weights in the order in which the product on tile registers reads them.

use std::ops::Range;

use rayon::prelude::*;

use super::amx::{AmxLeft, AmxRight, AmxSums, BLOCK, SIDE, multiply_add};
use super::precision::pair;

/// Terms (16 pairs of inputs, tap) that are summed in one go: 18 KB of weights for a block of outputs, which stay in the first-level
/// cache with the block's sums and the positions' inputs.
const BLOCK_TERMS: usize = 9;

/// Inputs of a term.
const TERM_INPUTS: usize = 2 * SIDE;

/// The weight of a convolution in bfloat16: for each block of inputs and each tile of 32 outputs the terms (16 pairs of inputs, tap),
/// zero where the inputs or the outputs end before.
pub struct AmxWeight {
    terms: Vec<AmxLeft>,
    tiles: usize,
    taps: usize,
    inputs: usize,
}

impl AmxWeight {
    /// The weight with these values, by output, input and tap.
    pub fn new(outputs: usize, inputs: usize, taps: usize, value: impl Fn(usize, usize, usize) -> f32 + Sync) -> Self {
        let tiles = outputs.div_ceil(BLOCK);
        let terms = vec![[[0.0; SIDE]; BLOCK]; tiles * inputs.div_ceil(TERM_INPUTS) * taps];
        let mut weight = Self { terms, tiles, taps, inputs };
        let block = weight.block_inputs();
        let value = |output, input, tap| if input < inputs { value(output, input, tap) } else { 0.0 };
        let blocks = weight.terms.par_chunks_mut((block / TERM_INPUTS * taps * tiles).max(1));
        blocks.enumerate().for_each(|(index, terms)| {
            let len = terms.len() / tiles;
            for (position, left) in terms.iter_mut().enumerate() {
                let (tile, term) = (position / len, position % len);
                let (first, tap) = (index * block + term / taps * TERM_INPUTS, term % taps);
                for (output, row) in (tile * BLOCK..outputs).zip(left) {
                    for (input, weights) in (first..).step_by(2).zip(row) {
                        *weights = pair(value(output, input, tap), value(output, input + 1, tap));
                    }
                }
            }
        });
        weight
    }

    /// Inputs of a block; the last one may have fewer.
    pub fn block_inputs(&self) -> usize {
        BLOCK_TERMS / self.taps * TERM_INPUTS
    }

    /// Adds the products with the block of inputs that begins at `first` to sums (column, tile) of some tiles of outputs.
    ///
    /// The right factor holds the planes of the block's pairs, [`AmxWeight::planes`] of them, and may have more offsets than the
    /// block has terms.
    pub fn multiply_add(&self, sums: &mut [AmxSums], first: usize, tiles: Range<usize>, right: &AmxRight<'_>) {
        let terms = self.planes(first) / SIDE * self.taps;
        let left = &self.terms[first / TERM_INPUTS * self.taps * self.tiles..];
        let left = &left[tiles.start * terms..tiles.end * terms];
        multiply_add(sums, left, &AmxRight { offsets: &right.offsets[..terms], ..*right });
    }

    /// Planes of pairs of the block of inputs that begins at `first`; those past the last input are to be zero.
    pub fn planes(&self, first: usize) -> usize {
        self.block_inputs().min(self.inputs - first).div_ceil(TERM_INPUTS) * SIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two and a half blocks of inputs, one and a half tiles of outputs: each weight at its place, zeros elsewhere.
    #[test]
    fn weights_lie_by_block_tile_term_output_and_pair() {
        let (outputs, inputs, taps) = (40, 75, 9);
        let value = |output, input, tap| ((output * inputs + input) * taps + tap) as f32 % 251.0 + 1.0;
        let weight = AmxWeight::new(outputs, inputs, taps, value);
        assert_eq!(weight.block_inputs(), 32);
        assert_eq!([0, 32, 64].map(|first| weight.planes(first)), [16; 3]);
        let at = |output, input, tap| if output < outputs && input < inputs { value(output, input, tap) } else { 0.0 };
        let mut terms = weight.terms.iter();
        for (first, tile, tap) in (0..96).step_by(32).flat_map(|first| (0..18).map(move |i| (first, i / 9, i % 9))) {
            for (row, pairs) in terms.next().expect("a term").iter().enumerate() {
                for (index, weights) in pairs.iter().enumerate() {
                    let (output, input) = (tile * BLOCK + row, first + 2 * index);
                    assert_eq!(*weights, pair(at(output, input, tap), at(output, input + 1, tap)));
                }
            }
        }
        assert!(terms.next().is_none());
    }

    #[test]
    fn a_block_without_neighbours_has_more_inputs() {
        let weight = AmxWeight::new(1, 300, 1, |_, _, _| 1.0);
        assert_eq!((weight.block_inputs(), weight.planes(0), weight.planes(288)), (288, 144, 16));
    }
}
