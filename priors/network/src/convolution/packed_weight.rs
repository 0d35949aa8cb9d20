//! Weights in the order in which the convolution's kernel reads them.

use multiversion::multiversion;
use rayon::prelude::*;

use crate::convolution::geometry::Conv2dGeometry;
use crate::convolution::weights::WeightTaps;
use crate::convolution::winograd::{POINTS, weight_points};
use crate::detection::Cpu;
use crate::products::amx::{AmxWeight, BLOCK};
use crate::products::precision::{Precision, pair};
use crate::products::tile_kernel::{Left, ROWS};

/// Terms (input or pair of inputs, tap) that are summed in one go: those of one tile of outputs and what they read stay in the first-level
/// cache.
const BLOCK_TERMS: usize = 288;

/// Terms (input or pair of inputs) of one point that are summed in one go: the points of a group of tiles fill less than half of a
/// second-level cache.
const BLOCK_TERMS_WINOGRAD: usize = 128;

/// Tiles of outputs that are packed together.
const GROUP: usize = 4;

/// Terms whose points are brought into order together.
const COLLECTED: usize = 16;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Tap by tap.
    Direct,
    /// By minimal filtering, see [`super::winograd`].
    Winograd,
}

/// Inputs and outputs from which on Winograd's method is the faster one: with fewer, the transforms outweigh the products they save.
const WINOGRAD_CHANNELS: usize = 32;

/// Inputs times outputs beyond which it is not: networks have so many channels where images are small, and the time is that of reading
/// the weights, which have 16 values in the place of 9.
const WINOGRAD_PRODUCTS: usize = 1 << 17;

impl Method {
    /// The faster one for these channels. Images have no say in it, so that a network's weights suit images of any size.
    fn best(outputs: usize, inputs: usize, taps: usize) -> Self {
        let wide = inputs.min(outputs) >= WINOGRAD_CHANNELS && inputs * outputs <= WINOGRAD_PRODUCTS;
        if taps == 9 && wide { Self::Winograd } else { Self::Direct }
    }

    /// Values in the place of the taps.
    fn points(self, taps: usize) -> usize {
        match self {
            Self::Direct => taps,
            Self::Winograd => POINTS,
        }
    }
}

/// The weight of a convolution as left factors: for each block of inputs and each tile of [`ROWS`] outputs the terms
/// (input or pair of inputs, tap) or, for Winograd's method, (point, input or pair of inputs).
pub struct PackedWeight {
    pub precision: Precision,
    pub method: Method,
    terms: Vec<Left>,
    tiles: usize,
    inputs: usize,
    /// Taps or points.
    taps: usize,
    /// What a processor with tile registers reads in the place of the terms.
    amx: Option<AmxWeight>,
}

impl PackedWeight {
    /// The weight (output, input, tap) of a convolution.
    pub fn new(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision) -> Self {
        Self::best(precision, WeightTaps::new(geometry, weight))
    }

    /// The same for a method, which for kernels of one tap is [`Method::Direct`].
    #[cfg(test)]
    pub fn with_method(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision, method: Method) -> Self {
        Self::pack(precision, method, WeightTaps::new(geometry, weight))
    }

    /// The weight of the transposed convolution: outputs and inputs swapped, taps mirrored.
    pub fn transposed(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision) -> Self {
        Self::best(precision, WeightTaps::transposed(geometry, weight))
    }

    /// The weight in bfloat16 as tile registers read it.
    pub fn for_tile_registers(weight: WeightTaps<'_>) -> Self {
        let WeightTaps { outputs, inputs, taps, .. } = weight;
        let amx = Some(AmxWeight::new(outputs, inputs, taps, |output, input, tap| weight.value(output, input, tap)));
        Self { precision: Precision::Bf16, method: Method::Direct, terms: Vec::new(), tiles: 0, inputs, taps, amx }
    }

    /// In the order for the fastest method that this processor has.
    fn best(precision: Precision, weight: WeightTaps<'_>) -> Self {
        if precision == Precision::Bf16 && Cpu::chosen().has_tile_registers() {
            return Self::for_tile_registers(weight);
        }
        Self::pack(precision, Method::best(weight.outputs, weight.inputs, weight.taps), weight)
    }

    fn pack(precision: Precision, method: Method, weight: WeightTaps<'_>) -> Self {
        let WeightTaps { outputs, inputs, .. } = weight;
        let tiles = outputs.div_ceil(ROWS);
        let taps = method.points(weight.taps);
        let share = precision.inputs_per_term();
        let terms = vec![[0.0; ROWS]; tiles * inputs.div_ceil(share) * taps];
        let mut packed = Self { precision, method, terms, tiles, inputs, taps, amx: None };
        let block = packed.block_inputs();
        packed.terms.par_chunks_mut((block / share * tiles * taps).max(1)).enumerate().for_each(|(index, terms)| {
            let tile_len = terms.len() / tiles;
            terms.par_chunks_mut(GROUP * tile_len).enumerate().for_each(|(group, terms)| {
                let first = [group * GROUP * ROWS, index * block];
                match method {
                    Method::Direct => pack_taps(terms, tile_len, precision, weight, first),
                    Method::Winograd => pack_points(terms, tile_len, precision, weight, first),
                }
            });
        });
        packed
    }

    /// Memory of a packed weight of these lengths.
    pub fn bytes(outputs: usize, inputs: usize, taps: usize, precision: Precision) -> u64 {
        let points = Method::best(outputs, inputs, taps).points(taps);
        let terms = outputs.div_ceil(ROWS) * inputs.div_ceil(precision.inputs_per_term()) * points;
        (terms * size_of::<Left>()) as u64
    }

    /// Inputs of a block, an even number; the last one may have fewer.
    pub fn block_inputs(&self) -> usize {
        let terms = match self.method {
            Method::Direct => BLOCK_TERMS / self.taps,
            Method::Winograd => BLOCK_TERMS_WINOGRAD,
        };
        terms * self.precision.inputs_per_term()
    }

    /// The terms of a tile of outputs over the block of inputs that begins at `first`.
    pub fn block(&self, first: usize, tile: usize) -> &[Left] {
        let share = self.precision.inputs_per_term();
        let terms = self.block_inputs().min(self.inputs - first).div_ceil(share) * self.taps;
        &self.terms[first / share * self.tiles * self.taps + tile * terms..][..terms]
    }

    /// The packed weights of one point of the Winograd tile.
    pub fn point(&self, first: usize, tile: usize, point: usize) -> &[Left] {
        let terms = self.block(first, tile);
        let len = terms.len() / self.taps;
        &terms[point * len..][..len]
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

/// The terms (tile, input or pair of inputs, tap) of a group of tiles, from an output and an input on.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn pack_taps(
    terms: &mut [Left],
    tile_len: usize,
    precision: Precision,
    weight: WeightTaps<'_>,
    [first_output, first_input]: [usize; 2],
) {
    for (tile, terms) in terms.chunks_exact_mut(tile_len).enumerate() {
        let (output, mut input) = (first_output + tile * ROWS, first_input);
        for terms in terms.chunks_exact_mut(weight.taps) {
            let first = weight.of_outputs(output, input);
            match precision {
                Precision::F32 => terms.copy_from_slice(&first[..weight.taps]),
                Precision::Bf16 => write_paired(terms, &first, &weight.of_outputs(output, input + 1)),
            }
            input += precision.inputs_per_term();
        }
    }
}

/// The terms (tile, point, input or pair of inputs) of a group of tiles, from an output and an input on.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn pack_points(
    terms: &mut [Left],
    tile_len: usize,
    precision: Precision,
    weight: WeightTaps<'_>,
    [first_output, first_input]: [usize; 2],
) {
    let (len, share) = (tile_len / POINTS, precision.inputs_per_term());
    let tiles = terms.len() / tile_len;
    // The points of a term lie so far apart that they fall on each other in the cache: some terms are collected first.
    let mut collected = [[[[0.0; ROWS]; POINTS]; COLLECTED]; GROUP];
    for start in (0..len).step_by(COLLECTED) {
        let count = COLLECTED.min(len - start);
        for term in 0..count {
            let input = first_input + (start + term) * share;
            // The outputs of an input are neighbours in memory in a transposed weight.
            for (tile, collected) in collected[..tiles].iter_mut().enumerate() {
                let output = first_output + tile * ROWS;
                let points = &mut collected[term];
                *points = weight_points(&weight.of_outputs(output, input));
                if precision == Precision::Bf16 {
                    let (first, second) = (*points, weight_points(&weight.of_outputs(output, input + 1)));
                    write_paired(points, &first, &second);
                }
            }
        }
        for (terms, collected) in terms.chunks_exact_mut(tile_len).zip(&collected) {
            for (point, terms) in terms.chunks_exact_mut(len).enumerate() {
                let collected = collected.iter().map(|points| points[point]);
                terms[start..start + count].iter_mut().zip(collected).for_each(|(term, points)| *term = points);
            }
        }
    }
}

#[inline(always)]
fn write_paired(terms: &mut [Left], first: &[Left], second: &[Left]) {
    for ((term, a), b) in terms.iter_mut().zip(first).zip(second) {
        for row in 0..ROWS {
            term[row] = pair(a[row], b[row]);
        }
    }
}
