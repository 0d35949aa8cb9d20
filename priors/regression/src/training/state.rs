//! What a regression run leaves on disk, in the form of [`TrainingState`].

use std::path::Path;

use diph_network::{ParameterState, Result, TrainingState, TrainingStateFile};

use super::TrainingConfig;

/// Name of the metadata entry.
const ENTRY: &str = "diph_regression";
/// Name of the group of moving averages.
const AVERAGES: &str = "averages";

/// Everything that a run needs to go on.
pub(super) struct RunState {
    pub config: TrainingConfig,
    pub step: u64,
    pub parameters: Vec<ParameterState>,
}

/// Writes a run's state, first under a temporary name.
pub(super) fn write(path: &Path, config: &TrainingConfig, step: u64, parameters: &[ParameterState]) -> Result<()> {
    let averages = [AVERAGES.to_string()];
    TrainingState { entry: ENTRY, config, step, parameters, averages: &averages, arrays: &[] }.write(path)
}

/// Reads a run's state.
pub(super) fn read(path: &Path) -> Result<RunState> {
    let (mut file, config, step) = TrainingStateFile::open::<TrainingConfig>(path, ENTRY)?;
    config.check().map_err(|error| error.in_file(path))?;
    let parameters = file.parameters(&config.model.unet, &[AVERAGES.to_string()])?;
    file.finish()?;
    Ok(RunState { config, step, parameters })
}
