//! The network's operations, each with its own forward and backward pass on the processor.
//!
//! One file, one operation; a faster kernel replaces the inside of a file and keeps its function. Inference and training run on
//! planes that a convolution reads as it needs them; in training a tape notes what wrote them and finds the way back. The same
//! operations exist on candle's tensors, where candle keeps the graph: the measure of the tape's tests. All in
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
mod check_cpu;
mod conv2d;
mod conv2d_geometry;
mod convolution;
mod convolution_weights;
mod cpu;
mod exponential;
mod gradients;
mod group_norm;
mod matrix_product;
mod packed_weight;
mod pixel_shuffle;
mod plane_products;
mod plane_source;
mod planes;
mod planes_gradient;
mod precision;
mod resample;
mod storage;
mod tape;
mod tile_kernel;
mod weight_gradient;
mod weight_taps;
mod winograd;
mod winograd_convolution;

#[cfg(test)]
pub(crate) mod gradient_check;

pub use add::add;
pub use arena::{Arena, Buffer};
pub use attention::attention;
pub use check_cpu::check_cpu;
pub use conv2d::conv2d;
pub(crate) use convolution_weights::ConvolutionWeights;
pub use gradients::Gradients;
pub use group_norm::{Activation, GROUPS, group_norm};
pub use pixel_shuffle::{pixel_shuffle, pixel_unshuffle};
pub(crate) use planes::Planes;
pub use precision::Precision;
pub use resample::{Direction, average_pool, upsample_nearest};
pub(crate) use tape::{Tape, add_values};
