//! What training starts from where it goes on from trained weights.

use diph_core::Rng;
use diph_network::{Checkpoint, Parameters, Result};
use rand::SeedableRng;

use super::TrainingConfig;
use crate::RegressionConfig;

/// The layer that reads the coefficients of the image.
const INPUT_LAYER: &str = "input_blocks.0.0.weight";

/// The parameters of trained weights. Where they are of another temporal basis, the layer that reads the coefficients starts anew:
/// coefficients of another basis mean something else.
pub fn parameters(config: &TrainingConfig, weights: &Checkpoint<RegressionConfig>) -> Result<Parameters> {
    let unet = &config.model.unet;
    let mut tensors = weights.parameters.to_tensors();
    if !config.model.has_basis_of(&weights.config) {
        let own = Parameters::initialise(unet, &mut Rng::seed_from_u64(config.settings.seed))?.to_tensors();
        tensors.extend(own.into_iter().filter(|(name, _)| name == INPUT_LAYER));
    }
    Parameters::new(unet, tensors)
}
