//! Stage by stage through a folder.

use std::path::Path;
use std::time::Instant;

use crate::{Outcome, ParityReport, Reference, ReferenceFolder, Stage, StageReport, stages};
use diph_plugin_host::Registry;
use diph_recon::{Cancel, ReconError};

/// Compares Diph with the recorded outputs in a folder, stage by stage. A stage whose files are missing or cannot be used is
/// reported, and the others go on. `model_config` describes the network of a `pair.npz`;
/// `on_stage` hears the name of every stage that begins.
///
/// # Errors
/// When the folder cannot be listed or holds no recorded outputs, when `model_config` describes nothing, and when the user asks to
/// stop.
pub fn compare(
    registry: &Registry,
    cancel: &Cancel,
    folder: &Path,
    model_config: Option<&Path>,
    on_stage: &mut dyn FnMut(&str),
) -> Result<ParityReport, ReconError> {
    let reference = Reference { folder: ReferenceFolder::open(folder)?, registry, cancel };
    if model_config.is_some() && !reference.folder.contains(stages::PAIR) {
        let message = format!("there is no {} in {} that it could describe", stages::PAIR, folder.display());
        return Err(ReconError::setting("model_config", message));
    }
    let stages = stages::all(&reference.folder, model_config);
    if stages.iter().all(|stage| missing(&reference, &**stage).len() == stage.files().len()) {
        let message = "expected recorded outputs of the Python MRF-DiPh code, such as meta.json and nufft_pair.npz, \
                       or a pair.npz beside a .pt; found none of them";
        return Err(ReconError::input(folder, message));
    }
    let mut reports = Vec::new();
    for stage in &stages {
        cancel.check()?;
        on_stage(&stage.name());
        let begin = Instant::now();
        let outcome = outcome(&reference, &**stage)?;
        reports.push(StageReport { name: stage.name(), seconds: begin.elapsed().as_secs_f64(), outcome });
    }
    Ok(ParityReport::new(folder, reports))
}

fn outcome(reference: &Reference<'_>, stage: &dyn Stage) -> Result<Outcome, ReconError> {
    let missing = missing(reference, stage);
    if !missing.is_empty() {
        return Ok(Outcome::Missing(missing));
    }
    match stage.compare(reference) {
        Ok(comparisons) => Ok(Outcome::Compared(comparisons)),
        Err(ReconError::Cancelled) => Err(ReconError::Cancelled),
        Err(error) => Ok(Outcome::Failed(error.to_string())),
    }
}

fn missing(reference: &Reference<'_>, stage: &dyn Stage) -> Vec<String> {
    stage.files().into_iter().filter(|file| !reference.folder.contains(file)).collect()
}
