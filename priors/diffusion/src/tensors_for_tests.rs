//! Random tensors and their distances.

use diph_network::Tensor;
use rand::{RngExt, SeedableRng};

/// Uniform in [-1, 1].
pub fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = diph_core::Rng::seed_from_u64(seed);
    let values = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::new(shape, values).expect("shape and values fit")
}

/// `|a - b| / |b|` in the Euclidean norm, zero when both are zero.
pub fn relative_error(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = a.values().iter().zip(b.values()).map(|(a, b)| square(a - b)).sum();
    let norm: f64 = b.values().iter().map(|b| square(*b)).sum();
    if difference == 0.0 { 0.0 } else { (difference / norm.max(f64::MIN_POSITIVE)).sqrt() }
}
