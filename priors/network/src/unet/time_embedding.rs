//! The embedding of timesteps.

use super::layers::Linear;
use super::parameter_scope::ParameterScope;
use crate::Result;
use crate::feature_maps::Rows;
use crate::tape::Tape;

/// Longest period, in timesteps.
const MAX_PERIOD: f64 = 10_000.0;

/// `linear(silu(linear(cos and sin of the timestep)))`.
pub(crate) struct TimeEmbedding {
    channels: usize,
    first: Linear,
    second: Linear,
}

impl TimeEmbedding {
    pub fn new(scope: &mut ParameterScope, channels: usize) -> Result<Self> {
        Ok(Self {
            channels,
            first: Linear::new(&mut scope.part(0), channels, 4 * channels)?,
            second: Linear::new(&mut scope.part(2), 4 * channels, 4 * channels)?,
        })
    }

    /// (batch, 4 channels).
    pub fn forward(&self, timesteps: &[f32], tape: Option<&Tape>) -> Result<Rows> {
        let waves = timesteps.iter().flat_map(|timestep| waves(*timestep, self.channels)).collect();
        let first = self.first.forward(&Rows::new(waves, self.channels), tape)?;
        self.second.forward(&first.silu(), tape)
    }
}

/// Cosines, then sines, with frequencies from 1 down to 1 / 10000; a zero at the end where `channels` is odd.
fn waves(timestep: f32, channels: usize) -> Vec<f32> {
    let half = channels / 2;
    // In f32, as the networks were trained.
    let frequency = |index: usize| (-MAX_PERIOD.ln() as f32 * index as f32 / half as f32).exp();
    let angles: Vec<f32> = (0..half).map(|index| timestep * frequency(index)).collect();
    let mut waves: Vec<f32> = angles.iter().map(|angle| angle.cos()).collect();
    waves.extend(angles.iter().map(|angle| angle.sin()));
    waves.resize(channels, 0.0);
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waves_are_cosines_then_sines() {
        let waves = waves(3.0, 5);
        let expected = [3.0_f32.cos(), 0.03_f32.cos(), 3.0_f32.sin(), 0.03_f32.sin(), 0.0];
        for (value, expected) in waves.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{waves:?}");
        }
    }
}
