//! What parameters are before training.

use rand::RngExt;

use diph_core::Rng;

use crate::{Result, Tensor};

/// What a parameter is before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Initialisation {
    Zeros,
    Ones,
    /// Uniform in +-1 / sqrt(inputs of a unit), as PyTorch has it.
    Uniform {
        fan_in: usize,
    },
}

impl Initialisation {
    pub fn tensor(self, shape: &[usize], rng: &mut Rng) -> Result<Tensor> {
        let len = shape.iter().product();
        let values: Vec<f32> = match self {
            Self::Zeros => vec![0.0; len],
            Self::Ones => vec![1.0; len],
            Self::Uniform { fan_in } => {
                let bound = 1.0 / (fan_in as f32).sqrt();
                (0..len).map(|_| rng.random_range(-bound..=bound)).collect()
            }
        };
        Tensor::new(shape, values)
    }
}
