//! What a training run will need.

use diph_core::MemoryEstimate;
use diph_network::{NetworkCost, Result};

use super::TrainingConfig;
use crate::TARGETS;

const NUMBER: u64 = size_of::<f32>() as u64;

impl TrainingConfig {
    /// The cost of the network for a step's squares.
    ///
    /// # Errors
    /// [`diph_network::Error::Setting`] when the configuration makes no network.
    pub fn network_cost(&self) -> Result<NetworkCost> {
        self.check_crop()?;
        NetworkCost::new(&self.model.unet, self.settings.crop, self.settings.batch, self.settings.precision)
    }

    /// What a [`Trainer`](crate::Trainer) will need with samples of `pixels` pixels: parameters with their moments and average,
    /// the samples in use, and in a step activations and gradients.
    ///
    /// # Errors
    /// [`diph_network::Error::Setting`] when the configuration makes no network.
    pub fn memory_estimate(&self, pixels: usize) -> Result<MemoryEstimate> {
        let cost = self.network_cost()?;
        let weights = cost.parameters.saturating_mul(NUMBER);
        let planes = self.model.unet.image_channels() + TARGETS;
        let sample = MemoryEstimate::array::<f32>(&[planes, pixels]);
        Ok(MemoryEstimate::default()
            .kept("parameters, their moments and their average", weights.saturating_mul(4))
            .kept("samples in use", sample.saturating_mul(self.settings.pool))
            .temporary("activations and gradients", (2 * cost.tape).saturating_add(weights + cost.packed_weights / 4))
            .temporary("bytes of a checkpoint", weights.saturating_mul(8))
            .temporary("validation", cost.inference_memory().peak()))
    }
}
