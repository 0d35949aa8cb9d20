//! Inference or training.

use rand::RngExt;

use diph_core::Rng;

use super::feature_map::FeatureMap;
use crate::Result;

/// How a network is run.
pub enum ForwardMode<'a> {
    /// Without dropout.
    Inference,
    /// With dropout, drawn from this generator.
    Training(&'a mut Rng),
}

impl ForwardMode<'_> {
    /// Sets a share of the values to zero and scales the others up, in training only.
    pub(crate) fn dropout<M: FeatureMap>(&mut self, x: M, share: f32) -> Result<M> {
        let Self::Training(rng) = self else {
            return Ok(x);
        };
        if share == 0.0 {
            return Ok(x);
        }
        let kept = 1.0 / (1.0 - share);
        let count: usize = x.shape().iter().product();
        let factors: Vec<f32> = (0..count).map(|_| if rng.random::<f32>() < share { 0.0 } else { kept }).collect();
        x.scaled(&factors)
    }
}
