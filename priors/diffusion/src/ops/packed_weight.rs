//! Weights in the order in which the convolution's kernel reads them.

use rayon::prelude::*;

use super::amx::BLOCK;
use super::amx_weight::AmxWeight;
use super::conv2d_geometry::Conv2dGeometry;
use super::cpu::Cpu;
use super::precision::{Precision, pair};
use super::tile_kernel::{Left, ROWS};
use super::winograd::{POINTS, weight_points};

/// Terms (input or pair of inputs, tap) that are summed in one go: those of one tile of outputs and what they read stay in the first-level
/// cache.
const BLOCK_TERMS: usize = 288;

/// Terms (input or pair of inputs) of one point that are summed in one go: the points of a group of tiles fill less than half of a
/// second-level cache.
const BLOCK_TERMS_WINOGRAD: usize = 128;

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
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::best(precision, geometry, |output, input, tap| weight[(output * inputs + input) * taps + tap])
    }

    /// The same for a method, which for kernels of one tap is [`Method::Direct`].
    #[cfg(test)]
    pub fn with_method(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision, method: Method) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::pack(precision, method, geometry, |output, input, tap| weight[(output * inputs + input) * taps + tap])
    }

    /// The weight of the transposed convolution: outputs and inputs swapped, taps mirrored.
    pub fn transposed(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::best(precision, &geometry.transposed(), |input, output, tap| {
            weight[(output * inputs + input) * taps + taps - 1 - tap]
        })
    }

    /// The weight with these values, by output, input and tap, in bfloat16 as tile registers read it.
    pub fn for_tile_registers(geometry: &Conv2dGeometry, value: impl Fn(usize, usize, usize) -> f32 + Sync) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        let amx = Some(AmxWeight::new(geometry.outputs, inputs, taps, value));
        Self { precision: Precision::Bf16, method: Method::Direct, terms: Vec::new(), tiles: 0, inputs, taps, amx }
    }

    /// In the order for the fastest method that this processor has.
    fn best(
        precision: Precision,
        geometry: &Conv2dGeometry,
        value: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        if precision == Precision::Bf16 && Cpu::chosen().has_tile_registers() {
            return Self::for_tile_registers(geometry, value);
        }
        let method = Method::best(geometry.outputs, geometry.inputs, geometry.taps());
        Self::pack(precision, method, geometry, value)
    }

    fn pack(
        precision: Precision,
        method: Method,
        geometry: &Conv2dGeometry,
        value: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let &Conv2dGeometry { inputs, outputs, .. } = geometry;
        let tiles = outputs.div_ceil(ROWS);
        let taps = method.points(geometry.taps());
        let share = precision.inputs_per_term();
        let terms = vec![[0.0; ROWS]; tiles * inputs.div_ceil(share) * taps];
        let mut packed = Self { precision, method, terms, tiles, inputs, taps, amx: None };
        let block = packed.block_inputs();
        // The values of a tile of outputs, zero beyond the last one.
        let left = |tile: usize, input: usize, tap: usize| -> Left {
            std::array::from_fn(|row| match tile * ROWS + row {
                output if output < outputs && input < inputs => value(output, input, tap),
                _ => 0.0,
            })
        };
        packed.terms.par_chunks_mut((block / share * tiles * taps).max(1)).enumerate().for_each(|(index, terms)| {
            let tile_len = terms.len() / tiles;
            terms.par_chunks_exact_mut(tile_len).enumerate().for_each(|(tile, terms)| {
                let inputs = (index * block..).step_by(share);
                match method {
                    Method::Direct => pack_taps(terms, taps, precision, inputs, |input, tap| left(tile, input, tap)),
                    Method::Winograd => pack_points(terms, precision, inputs, |input, tap| left(tile, input, tap)),
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

    /// Those of one point.
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

/// The terms (input or pair of inputs, tap) of a tile.
fn pack_taps(
    terms: &mut [Left],
    taps: usize,
    precision: Precision,
    inputs: impl Iterator<Item = usize>,
    left: impl Fn(usize, usize) -> Left,
) {
    for (terms, input) in terms.chunks_exact_mut(taps).zip(inputs) {
        for (tap, term) in terms.iter_mut().enumerate() {
            *term = match precision {
                Precision::F32 => left(input, tap),
                Precision::Bf16 => paired(left(input, tap), left(input + 1, tap)),
            };
        }
    }
}

/// The terms (point, input or pair of inputs) of a tile.
fn pack_points(
    terms: &mut [Left],
    precision: Precision,
    inputs: impl Iterator<Item = usize>,
    left: impl Fn(usize, usize) -> Left,
) {
    let len = terms.len() / POINTS;
    let points = |input: usize| weight_points(&std::array::from_fn(|tap| left(input, tap)));
    for (term, input) in (0..len).zip(inputs) {
        let terms = terms[term..].iter_mut().step_by(len);
        match precision {
            Precision::F32 => terms.zip(points(input)).for_each(|(term, point)| *term = point),
            Precision::Bf16 => {
                let pairs = points(input).into_iter().zip(points(input + 1));
                terms.zip(pairs).for_each(|(term, (a, b))| *term = paired(a, b));
            }
        }
    }
}

fn paired(a: Left, b: Left) -> Left {
    std::array::from_fn(|row| pair(a[row], b[row]))
}
