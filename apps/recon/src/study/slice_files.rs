//! The files of one slice.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use diph_core::ParameterMaps;
use diph_datasets::SliceId;
use diph_formats::{NpzWriter, Staging};
use ndarray::{Axis, arr0};
use serde_json::json;

use super::{SliceResult, StepLog};
use crate::provenance::Provenance;
use crate::reconstruction::{Posterior, Reconstruction};
use crate::uncertainty::Uncertainty;
use crate::{Blame, Method, ReconError, stacked_maps, write_json};

/// What a folder of a slice has of its run. Another run may write less, and the folder shall speak of one run.
const OF_A_RUN: [&str; 11] = [
    "method.json",
    "provenance.json",
    "maps.npz",
    "tsmi.npz",
    "posterior.npz",
    "maps.png",
    "posterior.png",
    "steps.png",
    "steps.csv",
    STEPS,
    SAMPLES,
];

/// The folder of the images of every step.
const STEPS: &str = "steps";

/// The folder of the samples of the posterior.
const SAMPLES: &str = "samples";

/// Where the deviations in `maps.npz` come from, and its two values.
pub(super) const SOURCE: &str = "deviation_source";
pub(super) const CALIBRATED: &str = "calibrated";
const OF_SAMPLES: &str = "samples";

/// The last file of a slice: a folder with metrics is a complete one.
const METRICS: &str = "metrics.json";

/// The folder of one slice: `maps.npz`, `tsmi.npz`, `metrics.json`, `method.json` and `provenance.json`; for several samples
/// also `posterior.npz` and `samples/sample_0001.npz` and so on. Observers of the study put pictures beside them.
///
/// All of them are written in a temporary folder and [moved](Self::finish) when they are complete: until then the results of an
/// earlier run stay what they were.
pub struct SliceFiles {
    staging: Staging,
    folder: PathBuf,
    target: PathBuf,
}

impl SliceFiles {
    /// The files of a slice below the folder of a run.
    ///
    /// # Errors
    /// [`ReconError::File`] when the folder of the run cannot be written.
    pub fn new(out: &Path, id: SliceId) -> Result<Self, ReconError> {
        let staging = Staging::below(out).file(out)?;
        let (folder, target) = (staging.path().join(id.to_string()), out.join(id.to_string()));
        std::fs::create_dir(&folder).file(&folder)?;
        Ok(Self { staging, folder, target })
    }

    /// Files of a slice's folder that a run may replace.
    pub fn replaced(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
        OF_A_RUN
            .into_iter()
            .filter(|name| ![STEPS, SAMPLES].contains(name))
            .chain([METRICS])
            .map(move |name| folder.join(name))
    }

    /// The folder in which files are put until all are there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Puts the files into the place of those of an earlier run. Other files there stay.
    ///
    /// # Errors
    /// [`ReconError::File`] naming what cannot be replaced.
    pub fn finish(self) -> Result<(), ReconError> {
        std::fs::create_dir_all(&self.target).file(&self.target)?;
        remove(&self.target.join(METRICS))?;
        for name in OF_A_RUN.iter().filter(|name| !self.folder.join(name).exists()) {
            remove(&self.target.join(name))?;
        }
        for name in self.names_in_order()? {
            let (new, old) = (self.folder.join(&name), self.target.join(&name));
            // Files are replaced in one step; folders have to go before.
            if new.is_dir() {
                remove(&old)?;
            }
            self.staging.move_out(&new, &old).file(&old)?;
        }
        Ok(())
    }

    /// All that was put into the folder. What says whose results they are comes first, what says that they are complete last.
    fn names_in_order(&self) -> Result<Vec<OsString>, ReconError> {
        let entries = std::fs::read_dir(&self.folder).file(&self.folder)?;
        let names = entries.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
        let mut names = names.file(&self.folder)?;
        names.sort_by_key(|name| match name.to_str() {
            Some("method.json" | "provenance.json") => (0, name.clone()),
            Some(METRICS) => (2, name.clone()),
            _ => (1, name.clone()),
        });
        Ok(names)
    }

    /// The log of the solver's steps: `steps.csv`, and with `images` also `steps/step_0001.npz` and so on.
    pub fn step_log(&self, images: bool) -> StepLog {
        StepLog::new(self.folder.clone(), images)
    }

    /// Writes all of them but the log, the picture and, at the end, the [metrics](Self::write_metrics).
    ///
    /// # Errors
    /// [`ReconError::File`] when a file cannot be written.
    pub fn write(
        &self,
        method: &Method,
        (reconstruction, uncertainty): (&Reconstruction, &Uncertainty),
        provenance: &Provenance,
    ) -> Result<(), ReconError> {
        self.write_maps(&reconstruction.maps, uncertainty)?;
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
        write_json(&self.folder.join(METRICS), &json!({ "method": method.name, "slices": [result] }))
    }

    /// Writes `posterior.npz` with `maps_mean` and `maps_std` (4, \[z,\] y, x) over the samples.
    ///
    /// # Errors
    /// [`ReconError::File`] when it cannot be written.
    pub fn write_posterior(&self, posterior: &Posterior) -> Result<(), ReconError> {
        let path = self.folder.join("posterior.npz");
        let npz = NpzWriter::compressed().with("maps_mean", posterior.maps_mean.view());
        npz.with("maps_std", posterior.maps_std.view()).write(&path).file(&path)
    }

    /// Writes `samples/sample_0001.npz` and so on, `number` from 1: `qmaps` (4, \[z,\] y, x) and `tsmi` (coefficient, \[z,\] y, x) of a
    /// sample.
    ///
    /// # Errors
    /// [`ReconError::File`] when it cannot be written.
    pub fn write_sample(&self, number: usize, sample: &Reconstruction) -> Result<(), ReconError> {
        let path = self.folder.join(SAMPLES).join(format!("sample_{number:04}.npz"));
        let qmaps = stacked_maps(&sample.maps).step("writing the samples")?;
        let npz = NpzWriter::compressed().with("qmaps", qmaps.view()).with("tsmi", sample.tsmi.view());
        npz.write(&path).file(&path)
    }

    /// `qmaps` as in the Python code's files (T1 (s), T2 (s), Re PD, Im PD), every parameter under its own name, `trusted`, and of
    /// several samples `t1_deviation` (s), `t2_deviation` (s), `pd_deviation` and whether these are `calibrated` or those of the
    /// `samples` (`deviation_source`).
    fn write_maps(&self, maps: &ParameterMaps, uncertainty: &Uncertainty) -> Result<(), ReconError> {
        const STEP: &str = "writing the maps";
        let path = self.folder.join("maps.npz");
        let qmaps = stacked_maps(maps).step(STEP)?;
        let mut npz = NpzWriter::compressed().with("qmaps", qmaps.view()).with("PD", maps.amplitude.view());
        for (parameter, values) in maps.parameters.iter().zip(maps.values.axis_iter(Axis(0))) {
            npz = npz.with(&parameter.name, values);
        }
        npz = npz.with("trusted", uncertainty.trusted.view());
        if let Some(deviations) = &uncertainty.deviations {
            for (name, map) in deviations.in_units(maps).step(STEP)? {
                npz = npz.with(name, map.view());
            }
            let source = if uncertainty.is_calibrated { CALIBRATED } else { OF_SAMPLES };
            npz = npz.with(SOURCE, arr0(source.to_owned()).view());
        }
        npz.write(&path).file(&path)
    }
}

/// Removes a file or a folder, where there is one.
fn remove(path: &Path) -> Result<(), ReconError> {
    let removed = match path.symlink_metadata() {
        Ok(there) if there.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).file(path),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write_bytes;

    #[test]
    fn old_results_go_when_the_new_ones_are_complete() {
        let out = tempfile::tempdir().unwrap();
        let id = SliceId::new(0, 5);
        let put = |folder: &Path, names: &[&str], text: &str| {
            names.iter().for_each(|name| write_bytes(&folder.join(name), text.as_bytes()).unwrap())
        };
        let target = out.path().join("vol0_slice5");
        put(&target, &["maps.npz", "metrics.json", "posterior.npz", "steps/step_0001.npz", "notes.txt"], "old");
        let files = SliceFiles::new(out.path(), id).unwrap();
        put(files.folder(), &["maps.npz"], "new");
        drop(files);
        assert_eq!(std::fs::read(target.join("maps.npz")).unwrap(), b"old", "given up");
        let files = SliceFiles::new(out.path(), id).unwrap();
        put(files.folder(), &["maps.npz", "metrics.json", "steps/step_0002.npz", "of an observer.png"], "new");
        assert_eq!(std::fs::read(target.join("metrics.json")).unwrap(), b"old");
        files.finish().unwrap();
        let read = |name: &str| std::fs::read_to_string(target.join(name)).ok();
        assert_eq!((read("maps.npz"), read("metrics.json")), (Some("new".into()), Some("new".into())));
        assert_eq!((read("posterior.npz"), read("steps/step_0001.npz")), (None, None), "those of the earlier run");
        for name in ["steps/step_0002.npz", "of an observer.png", "notes.txt"] {
            assert!(read(name).is_some(), "{name}");
        }
        assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1, "no temporary folder");
    }
}
