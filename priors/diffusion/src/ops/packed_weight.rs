//! Weights in the order in which the convolution's kernel reads them.

use rayon::prelude::*;

use super::conv2d_geometry::Conv2dGeometry;
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
    fn best(geometry: &Conv2dGeometry) -> Self {
        let Conv2dGeometry { inputs, outputs, kernel, .. } = *geometry;
        let wide = inputs.min(outputs) >= WINOGRAD_CHANNELS && inputs * outputs <= WINOGRAD_PRODUCTS;
        if kernel == 3 && wide { Self::Winograd } else { Self::Direct }
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
}

fn paired(a: Left, b: Left) -> Left {
    std::array::from_fn(|row| pair(a[row], b[row]))
}

impl PackedWeight {
    /// The weight (output, input, tap) of a convolution.
    pub fn new(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision) -> Self {
        Self::with_method(geometry, weight, precision, Method::best(geometry))
    }

    /// The same for a method, which for kernels of one tap is [`Method::Direct`].
    pub fn with_method(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision, method: Method) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        Self::pack(precision, method, geometry, |output, input, tap| weight[(output * inputs + input) * taps + tap])
    }

    /// The weight of the transposed convolution: outputs and inputs swapped, taps mirrored.
    pub fn transposed(geometry: &Conv2dGeometry, weight: &[f32], precision: Precision) -> Self {
        let (inputs, taps) = (geometry.inputs, geometry.taps());
        let geometry = geometry.transposed();
        Self::pack(precision, Method::best(&geometry), &geometry, |input, output, tap| {
            weight[(output * inputs + input) * taps + taps - 1 - tap]
        })
    }

    fn pack(
        precision: Precision,
        method: Method,
        geometry: &Conv2dGeometry,
        value: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Self {
        let &Conv2dGeometry { inputs, outputs, .. } = geometry;
        let tiles = outputs.div_ceil(ROWS);
        let taps = match method {
            Method::Direct => geometry.taps(),
            Method::Winograd => POINTS,
        };
        let terms = vec![[0.0; ROWS]; tiles * inputs.div_ceil(precision.inputs_per_term()) * taps];
        let mut packed = Self { precision, method, terms, tiles, inputs, taps };
        let (block, share) = (packed.block_inputs(), precision.inputs_per_term());
        // The values of a tile of outputs, zero beyond the last one.
        let left = |tile: usize, input: usize, tap: usize| -> Left {
            std::array::from_fn(|row| match tile * ROWS + row {
                output if output < outputs && input < inputs => value(output, input, tap),
                _ => 0.0,
            })
        };
        packed.terms.par_chunks_mut((block / share * tiles * taps).max(1)).enumerate().for_each(|(index, terms)| {
            let tile_len = terms.len() / tiles;
            let len = tile_len / taps;
            for (tile, terms) in terms.chunks_exact_mut(tile_len).enumerate() {
                for term in 0..len {
                    let input = index * block + term * share;
                    let points = |input: usize| weight_points(&std::array::from_fn(|tap| left(tile, input, tap)));
                    match (method, precision) {
                        (Method::Direct, _) => {
                            for (tap, term) in terms[term * taps..][..taps].iter_mut().enumerate() {
                                *term = left(tile, input, tap);
                                if precision == Precision::Bf16 {
                                    *term = paired(*term, left(tile, input + 1, tap));
                                }
                            }
                        }
                        (Method::Winograd, Precision::F32) => {
                            let terms = terms[term..].iter_mut().step_by(len);
                            terms.zip(points(input)).for_each(|(term, point)| *term = point);
                        }
                        (Method::Winograd, Precision::Bf16) => {
                            let terms = terms[term..].iter_mut().step_by(len);
                            let pairs = points(input).into_iter().zip(points(input + 1));
                            terms.zip(pairs).for_each(|(term, (a, b))| *term = paired(a, b));
                        }
                    }
                }
            }
        });
        packed
    }

    /// Memory of a packed weight of these lengths.
    pub fn bytes(outputs: usize, inputs: usize, taps: usize, precision: Precision) -> u64 {
        let terms = outputs.div_ceil(ROWS) * inputs.div_ceil(precision.inputs_per_term()) * taps;
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
}
