//! The network's operations, each with its own forward and backward pass on the processor.
//!
//! One file, one operation; a faster kernel replaces the inside of a file and keeps its function. candle keeps the graph
//! and calls the backward passes; inference runs without a graph, on planes that a convolution reads as it needs them. All in
//! f32 (convolutions may multiply in bfloat16, see [`Precision`]), threads from rayon, and sums in a fixed order: the same
//! input on the same processor gives the same bits, whatever the number of threads.
//!
//! Convolutions run on the best instruction set of the processor; the environment variable `DIPH_CPU` forces `portable`,
//! `avx2`, `avx512` or `amx`.

mod add;
mod amx;
mod amx_convolution;
mod amx_weight;
mod arena;
mod attention;
mod conv2d;
mod conv2d_geometry;
mod convolution;
mod cpu;
mod exponential;
mod group_norm;
mod matrix_product;
mod packed_weight;
mod pixel_shuffle;
mod plane_source;
mod planes;
mod precision;
mod resample;
mod storage;
mod tile_kernel;

#[cfg(test)]
pub(crate) mod gradient_check;

pub use add::add;
pub(crate) use arena::Arena;
pub use attention::attention;
pub use conv2d::conv2d;
pub use group_norm::{Activation, GROUPS, group_norm};
pub(crate) use packed_weight::PackedWeight;
pub use pixel_shuffle::{pixel_shuffle, pixel_unshuffle};
pub(crate) use planes::Planes;
pub use precision::Precision;
pub use resample::{Direction, average_pool, upsample_nearest};
pub(crate) use storage::{values, with_values};
