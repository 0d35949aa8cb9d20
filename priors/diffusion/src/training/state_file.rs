//! What a diffusion run leaves on disk, in the form of [`TrainingState`].
//!
//! Moving averages are `ema_RATE/NAME`; one more array, `timestep_losses` (timesteps, 10), is NaN where a timestep has not had as
//! many losses yet.

use std::path::Path;

use diph_network::{Error, ParameterState, Tensor, TrainingState, TrainingStateFile};

use super::TrainingConfig;
use crate::diffusion::HISTORY;
use crate::{LossSecondMoment, Result};

/// Name of the metadata entry.
const ENTRY: &str = "diph_training";
const LOSSES: &str = "timestep_losses";

/// Everything that a run needs to go on.
pub(super) struct RunState {
    pub config: TrainingConfig,
    pub step: u64,
    pub parameters: Vec<ParameterState>,
    /// Losses of the timesteps, where they decide what is drawn.
    pub losses: Option<LossSecondMoment>,
}

fn average_groups(config: &TrainingConfig) -> Vec<String> {
    config.ema_rates.iter().map(|rate| format!("ema_{rate}")).collect()
}

/// Writes a run's state, first under a temporary name.
pub(super) fn write(
    path: &Path,
    config: &TrainingConfig,
    step: u64,
    parameters: &[ParameterState],
    losses: Option<&LossSecondMoment>,
) -> Result<()> {
    let arrays: Vec<_> = losses.map(|losses| Ok((LOSSES, losses_array(losses)?))).into_iter().collect::<Result<_>>()?;
    let averages = average_groups(config);
    let state = TrainingState { entry: ENTRY, config, step, parameters, averages: &averages, arrays: &arrays };
    Ok(state.write(path)?)
}

/// (timesteps, 10), NaN at the end of rows that are not full.
fn losses_array(losses: &LossSecondMoment) -> Result<Tensor> {
    let mut values = Vec::with_capacity(losses.losses().len() * HISTORY);
    for row in losses.losses() {
        values.extend(row.iter().map(|loss| *loss as f32));
        values.resize(values.len().next_multiple_of(HISTORY), f32::NAN);
        // An empty row is a multiple of the length already.
        if row.is_empty() {
            values.extend([f32::NAN; HISTORY]);
        }
    }
    Ok(Tensor::new([losses.losses().len(), HISTORY], values)?)
}

/// Reads a run's state.
pub(super) fn read(path: &Path) -> Result<RunState> {
    let (file, config, step) = TrainingStateFile::open(path, ENTRY)?;
    run_state(file, config, step).map_err(|error| error.in_file(path))
}

fn run_state(mut file: TrainingStateFile, config: TrainingConfig, step: u64) -> Result<RunState> {
    config.check()?;
    if step > config.steps {
        return Err(Error::setting("step", format!("at most the {} steps of the run", config.steps), step).into());
    }
    let parameters = file.parameters(&config.model.unet, &average_groups(&config))?;
    let losses = match config.has_loss_memory() {
        true => Some(file.take(LOSSES, &[config.model.diffusion.steps, HISTORY])?),
        false => None,
    };
    file.finish()?;
    let losses = losses.map(|values| {
        let row = |row: &[f32]| row.iter().filter(|loss| !loss.is_nan()).map(|loss| f64::from(*loss)).collect();
        LossSecondMoment::from_losses(values.chunks(HISTORY).map(row).collect())
    });
    Ok(RunState { config, step, parameters, losses })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of an image is step * batch + its place in the batch.
    #[test]
    fn numbers_of_images_cannot_overflow() {
        let unet = r#"{ "image_size": 64, "coefficients": 2, "model_channels": 32, "num_res_blocks": 1 }"#;
        let model = crate::ModelConfig::new(serde_json::from_str(unet).expect("a configuration"));
        let mut config = TrainingConfig { steps: 10, batch: 4, ..TrainingConfig::new(model) };
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.safetensors");
        let error = |config: &TrainingConfig, step| {
            write(&path, config, step, &[], None).expect("writes");
            read(&path).err().map(|error| error.to_string()).unwrap_or_default()
        };
        let late = error(&config, 11);
        assert!(late.contains("step: expected at most the 10 steps of the run, got 11"), "{late}");
        let in_time = error(&config, 10);
        assert!(in_time.contains("is missing"), "the step is fine, the tensors are not there: {in_time}");
        config.steps = u64::MAX / 2;
        assert!(error(&config, 1).contains("steps: expected at most 4611686018427387903 of 4 images each"));
    }
}
