//! The files of one slice.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use diph_core::{ParameterMaps, Result};
use diph_datasets::QuantitativeMaps;
use diph_formats::{NpzFile, NpzWriter};
use ndarray::{Axis, Ix3, stack};
use serde_json::json;

use super::{SliceResult, StepLog};
use crate::provenance::Provenance;
use crate::reconstruction::{Posterior, Reconstruction};
use crate::{Blame, Method, ReconError, stacked_maps, write_json};

/// The folder of one slice: `maps.npz`, `tsmi.npz`, `metrics.json`, `method.json` and `provenance.json`; for several samples
/// also `posterior.npz`. Observers of the study put pictures beside them.
pub struct SliceFiles {
    folder: PathBuf,
}

impl SliceFiles {
    /// The files of a slice below the folder of a run.
    pub fn new(out: &Path, vol: usize, slice: usize) -> Self {
        Self { folder: out.join(format!("vol{vol}_slice{slice}")) }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes away what an earlier run may have left and this one may not write again, so that a folder speaks of one run. Its
    /// `metrics.json` goes first: a folder with metrics is a complete one.
    ///
    /// # Errors
    /// Naming the file that cannot be removed.
    pub fn clear(&self) -> Result<(), ReconError> {
        for name in ["metrics.json", "posterior.npz", "posterior.png", "steps.png", "steps.csv"] {
            remove(&self.folder.join(name), |path| std::fs::remove_file(path))?;
        }
        remove(&self.folder.join("steps"), |path| std::fs::remove_dir_all(path))
    }

    /// The log of the solver's steps: `steps.csv`, and with `images` also `steps/step_0001.npz` and so on.
    pub fn step_log(&self, images: bool) -> StepLog {
        StepLog::new(self.folder.clone(), images)
    }

    /// Reads the maps that [`write`](Self::write) wrote: T1 and T2 in seconds, complex PD.
    ///
    /// # Errors
    /// [`ReconError::File`] when `maps.npz` is missing or damaged.
    pub fn read_maps(&self) -> std::result::Result<QuantitativeMaps, ReconError> {
        let path = self.folder.join("maps.npz");
        let stack =
            NpzFile::open(&path).and_then(|mut file| file.array::<f32, Ix3>("qmaps", "(T1 T2 RePD ImPD, y, x)"));
        QuantitativeMaps::from_stacked(&stack.file(&path)?).file(&path)
    }

    /// Writes all of them but the log, the picture and, at the end, the [metrics](Self::write_metrics).
    ///
    /// # Errors
    /// [`ReconError::File`] when a file cannot be written.
    pub fn write(
        &self,
        method: &Method,
        reconstruction: &Reconstruction,
        provenance: &Provenance,
    ) -> Result<(), ReconError> {
        self.write_maps(&reconstruction.maps)?;
        let path = self.folder.join("tsmi.npz");
        NpzWriter::new().with("tsmi", reconstruction.tsmi.view()).write(&path).file(&path)?;
        write_json(&self.folder.join("method.json"), method)?;
        write_json(&self.folder.join("provenance.json"), provenance)
    }

    /// Writes `metrics.json`, the last of the files: a folder with metrics is a complete one.
    ///
    /// # Errors
    /// [`ReconError::File`] when it cannot be written.
    pub fn write_metrics(&self, method: &Method, result: &SliceResult) -> Result<(), ReconError> {
        write_json(&self.folder.join("metrics.json"), &json!({ "method": method.name, "slices": [result] }))
    }

    /// Writes `posterior.npz` with `maps_mean` and `maps_std` (4, y, x) and the samples' own `qmaps` (n, 4, y, x) and
    /// `tsmi` (n, coefficient, y, x).
    ///
    /// # Errors
    /// [`ReconError::File`] when it cannot be written.
    pub fn write_posterior(&self, posterior: &Posterior, samples: &[Reconstruction]) -> Result<(), ReconError> {
        const STEP: &str = "writing the samples";
        let maps = samples.iter().map(|sample| stacked_maps(&sample.maps)).collect::<Result<Vec<_>>>().step(STEP)?;
        let maps = stack(Axis(0), &maps.iter().map(|maps| maps.view()).collect::<Vec<_>>()).step(STEP)?;
        let images = stack(Axis(0), &samples.iter().map(|sample| sample.tsmi.view()).collect::<Vec<_>>()).step(STEP)?;
        let path = self.folder.join("posterior.npz");
        NpzWriter::compressed()
            .with("maps_mean", posterior.maps_mean.view())
            .with("maps_std", posterior.maps_std.view())
            .with("qmaps", maps.view())
            .with("tsmi", images.view())
            .write(&path)
            .file(&path)
    }

    /// `qmaps` as in the Python code's files (T1 (s), T2 (s), Re PD, Im PD), and every parameter under its own name.
    fn write_maps(&self, maps: &ParameterMaps) -> Result<(), ReconError> {
        let path = self.folder.join("maps.npz");
        let qmaps = stacked_maps(maps).step("writing the maps")?;
        let mut npz = NpzWriter::compressed().with("qmaps", qmaps.view()).with("PD", maps.amplitude.view());
        for (parameter, values) in maps.parameters.iter().zip(maps.values.axis_iter(Axis(0))) {
            npz = npz.with(&parameter.name, values);
        }
        npz.write(&path).file(&path)
    }
}

/// Removes what is there.
fn remove(path: &Path, remove: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), ReconError> {
    match remove(path) {
        // A file in the folder's place is told when there is something to write.
        Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Err(error).file(path),
        _ => Ok(()),
    }
}
