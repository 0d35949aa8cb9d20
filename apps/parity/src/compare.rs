//! Stage by stage through a folder.

use std::path::Path;
use std::time::Instant;

use crate::{Outcome, ParityReport, Reference, ReferenceFolder, Stage, StageReport, stages};
use diph_plugin_host::Registry;
use diph_recon::{Cancel, ReconError};

/// Hears how a comparison goes.
pub trait ParityObserver {
    /// Hears the name of a stage that begins.
    fn stage_begins(&mut self, name: &str);

    /// The error of a stage in words for the report: a program names settings as its users know them.
    fn say(&self, error: ReconError) -> String {
        error.to_string()
    }
}

/// Compares Diph with the recorded outputs in a folder, stage by stage. A stage whose files are missing or cannot be used is
/// reported, and the others go on. `model_config` describes the network of a `pair.npz`;
/// `observer` hears of every stage.
///
/// # Errors
/// When the folder cannot be listed or holds no recorded outputs, when `model_config` describes nothing, and when the user asks to
/// stop.
pub fn compare(
    registry: &Registry,
    cancel: &Cancel,
    folder: &Path,
    model_config: Option<&Path>,
    observer: &mut dyn ParityObserver,
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
        observer.stage_begins(&stage.name());
        let begin = Instant::now();
        let outcome = outcome(&reference, &**stage, observer)?;
        reports.push(StageReport { name: stage.name(), seconds: begin.elapsed().as_secs_f64(), outcome });
    }
    Ok(ParityReport::new(folder, reports))
}

fn outcome(
    reference: &Reference<'_>,
    stage: &dyn Stage,
    observer: &mut dyn ParityObserver,
) -> Result<Outcome, ReconError> {
    let missing = missing(reference, stage);
    if !missing.is_empty() {
        return Ok(Outcome::Missing(missing));
    }
    match stage.compare(reference) {
        Ok(comparisons) => Ok(Outcome::Compared(comparisons)),
        Err(ReconError::Cancelled) => Err(ReconError::Cancelled),
        Err(error) => Ok(Outcome::Failed(observer.say(error))),
    }
}

fn missing(reference: &Reference<'_>, stage: &dyn Stage) -> Vec<String> {
    stage.files().into_iter().filter(|file| !reference.folder.contains(file)).collect()
}
