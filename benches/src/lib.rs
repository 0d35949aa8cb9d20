//! The problems that the benchmarks solve, at the size of an in-vivo slice.
//!
//! The criterion benchmarks (`cargo bench --package diph-benches`) and the comparison with other software
//! (`benches/peers/run.py`) share them, so that both speak of the same work.

pub mod acquisition;
pub mod tissues;

use ndarray::ArrayD;
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Height and width of a slice, in pixels.
pub const SIZE: usize = 230;

/// Coefficients of the temporal subspace.
pub const COEFFICIENTS: usize = 5;

/// The same noise for the same seed, real and imaginary parts uniform in [-1, 1).
pub fn noise(shape: &[usize], seed: u64) -> ArrayD<Complex32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
}
