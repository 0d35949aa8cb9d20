//! Random tensors and their distances.

use candle_core::{Device, Result, Tensor};
use rand::{RngExt, SeedableRng};

/// Uniform in [-1, 1].
pub fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = diph_core::Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("shape and values fit")
}

/// `|a - b| / |b|`, zero when both are zero.
pub fn relative_error(a: &Tensor, b: &Tensor) -> Result<f32> {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b)?.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt();
    let norm = b.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt();
    Ok(if difference == 0.0 { 0.0 } else { difference / norm.max(f32::MIN_POSITIVE) })
}
