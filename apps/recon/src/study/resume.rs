//! Going on with a study that was cut short.

use std::collections::BTreeMap;
use std::path::Path;

use diph_core::StopReason;
use diph_datasets::SliceId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{MethodResults, SliceResult, StoredSlice, Study, StudyObserver, StudyRun};
use crate::provenance::{PluginFile, Provenance};
use crate::reconstruction::part_provenance;
use crate::{Blame, Method, ReconError, write_json};

/// `metrics.json` of a slice.
#[derive(Deserialize)]
struct SliceMetrics {
    slices: Vec<SliceResult>,
}

impl Study<'_> {
    /// Runs the slices of which the folder does not hold this study's result yet, and gives the results of all. `metrics.json`
    /// is that of all, too.
    ///
    /// A slice's result is this study's when its files are complete and readable, and its provenance names the same version of
    /// Diph, method, measurement, seeds and plugins, and the same content of every file that was read. Everything else is made
    /// again, if [`run`](Self::run) may replace it.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn resume(&self, slices: &[SliceId], observer: &mut dyn StudyObserver) -> Result<StudyRun, ReconError> {
        self.method.check_overrides(self.overrides)?;
        let plugins = self.plugins()?;
        let mut found: BTreeMap<SliceId, SliceResult> =
            slices.iter().filter_map(|id| Some((*id, self.finished(*id, &plugins)?))).collect();
        let missing: Vec<SliceId> = slices.iter().copied().filter(|id| !found.contains_key(id)).collect();
        let (mut made, mut failed) = (Vec::new(), Vec::new());
        if !missing.is_empty() {
            let run = self.run(&missing, observer)?;
            found.extend(run.results.slices.into_iter().map(|result| (result.id(), result)));
            (made, failed) = (run.made, run.failed);
        }
        let results = MethodResults::new(&self.method.name, found.into_values().collect());
        if !results.slices.is_empty() {
            write_json(&self.out.join("metrics.json"), &results)?;
        }
        Ok(StudyRun { results, made, failed })
    }

    /// The result of a slice, where the folder holds that of this very study.
    fn finished(&self, id: SliceId, plugins: &[PluginFile]) -> Option<SliceResult> {
        let stored = StoredSlice::new(self.out, id);
        let metrics: SliceMetrics = read(&stored.folder.join("metrics.json"))?;
        let method: Method = read(&stored.folder.join("method.json"))?;
        let provenance: Provenance = read(&stored.folder.join("provenance.json"))?;
        stored.maps().ok()?;
        let is_same = method == *self.method
            && provenance.diph_version == env!("CARGO_PKG_VERSION")
            && provenance.measurement == self.measurement()
            && provenance.seed == self.seed
            && provenance.sample_seeds == self.recorded_seeds()
            && provenance.plugins == plugins
            && provenance.inputs.iter().all(|input| {
                self.hashes.of(Path::new(&input.path)).is_ok_and(|current| current.sha256 == input.sha256)
            });
        let result = metrics.slices.into_iter().next()?;
        let is_sound = !matches!(result.stop, Some(StopReason::Breakdown(_)));
        (is_same && is_sound).then_some(result)
    }

    /// The plugins of the method as the provenance has them.
    fn plugins(&self) -> Result<Vec<PluginFile>, ReconError> {
        let plugins = part_provenance(self.registry, self.method).step(&self.method.name)?;
        Ok(plugins.iter().map(PluginFile::of).collect())
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
