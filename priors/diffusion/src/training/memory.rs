//! What a training run will need.

use diph_core::MemoryEstimate;

use super::TrainingConfig;
use crate::Result;
use diph_network::NetworkCost;

const NUMBER: u64 = size_of::<f32>() as u64;

impl TrainingConfig {
    /// The cost of the network for the images that go through it at once.
    ///
    /// # Errors
    /// When the configuration makes no network.
    pub fn network_cost(&self) -> Result<NetworkCost> {
        self.check_batch()?;
        let batch = self.microbatch.unwrap_or(self.batch).clamp(1, self.batch.max(1));
        Ok(NetworkCost::new(&self.model.unet, self.crop.unwrap_or(self.model.unet.image_size), batch, self.precision)?)
    }

    /// What a [`Trainer`](crate::Trainer) will need: parameters with their moments and averages; in a step the activations of
    /// the images that go through the network at once, and the gradients; at a checkpoint the state as bytes and a network to
    /// validate with.
    ///
    /// # Errors
    /// When the configuration makes no network.
    pub fn memory_estimate(&self) -> Result<MemoryEstimate> {
        let cost = self.network_cost()?;
        let weights = cost.parameters.saturating_mul(NUMBER);
        let averages = self.ema_rates.len() as u64;
        let activations = match self.gradient_checkpointing {
            // A block's activations, and their gradients beside them.
            true => cost.block_inputs.saturating_add(2 * cost.largest_block),
            // A gradient beside every feature map: few are in use at once, but the arena keeps their memory.
            false => 2 * cost.tape,
        };
        let state = weights.saturating_mul(3 + averages);
        Ok(MemoryEstimate::default()
            .kept("parameters", weights)
            .kept("moments of the optimiser", 2 * weights)
            .kept("averages of the parameters", averages * weights)
            // With the gradients of the weights; a layer's weights in the kernels' order are there while it runs.
            .temporary("activations and gradients", activations.saturating_add(weights + cost.packed_weights / 4))
            .temporary("bytes of a checkpoint", state.saturating_mul(2))
            .temporary("validation", cost.inference_memory().peak()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelConfig;

    fn config() -> TrainingConfig {
        let unet = r#"{ "image_size": 256, "coefficients": 5, "model_channels": 32 }"#;
        let model = ModelConfig::new(serde_json::from_str(unet).unwrap());
        TrainingConfig { batch: 4, ..TrainingConfig::new(model) }
    }

    #[test]
    fn less_at_once_needs_less() {
        let peak = |config: TrainingConfig| config.memory_estimate().unwrap().peak();
        let whole = peak(config());
        assert!(peak(TrainingConfig { microbatch: Some(1), ..config() }) < whole);
        assert!(peak(TrainingConfig { gradient_checkpointing: true, ..config() }) < whole);
        assert!(peak(TrainingConfig { ema_rates: vec![0.99, 0.999, 0.9999], ..config() }) > whole);
    }

    #[test]
    fn what_makes_no_network_is_refused() {
        assert!(TrainingConfig { batch: usize::MAX, ..config() }.memory_estimate().is_err());
        let mut config = config();
        config.model.unet.model_channels = 33;
        assert!(config.memory_estimate().is_err());
    }
}
