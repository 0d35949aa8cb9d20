//! Networks with random weights.

use diph_network::{Parameters, Tensor, UNetConfig};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Result;

/// Random weights without the zeros that training starts from, which would hide most of the network.
pub fn random(config: &UNetConfig) -> Result<Parameters> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let tensors = Parameters::shapes(config)?.into_iter().map(|(name, shape)| {
        let bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-bound..bound)).collect();
        Ok((name, Tensor::new(shape, values)?))
    });
    Ok(Parameters::new(config, tensors.collect::<diph_network::Result<_>>()?)?)
}

/// A batch of one image, real channels uniform in [-1, 1).
pub fn random_image(config: &UNetConfig, channels: usize, seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let shape = [1, channels, config.image_size, config.image_size];
    let values = (0..channels * config.image_size.pow(2)).map(|_| rng.random_range(-1.0_f32..1.0)).collect();
    Ok(Tensor::new(shape, values)?)
}
