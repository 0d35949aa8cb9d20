//! Random input and measures that the tests share.

use diph_nufft::Trajectory;
use ndarray::{Array3, ArrayD};
use num_complex::Complex32;
use rand::{Rng, RngExt};

/// Positions everywhere in k-space, uniformly.
pub fn random_trajectory(frames: usize, samples: usize, rng: &mut impl Rng) -> Trajectory {
    let positions = Array3::from_shape_simple_fn((frames, samples, 2), || rng.random_range(-0.5..=0.5));
    Trajectory::new(positions).unwrap()
}

/// Real and imaginary parts uniform in [-1, 1).
pub fn complex_noise(shape: &[usize], rng: &mut impl Rng) -> ArrayD<Complex32> {
    ArrayD::from_shape_simple_fn(shape, || Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
}
