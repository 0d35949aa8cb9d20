//! The folder of results of a run, and whose results are in it.

use std::fs;
use std::path::{Path, PathBuf};

use diph_datasets::{QuantitativeMaps, SliceId};
use diph_formats::{Error as FileError, FolderLock, NpzFile, check_regular, is_there, remove_stale_temporaries};
use ndarray::IxDyn;
use serde_json::{Value, json};

use super::SliceFiles;
use super::slice_files::{CALIBRATED, SOURCE};
use crate::config::{first_difference, read_json};
use crate::provenance::{Provenance, sha256};
use crate::uncertainty::{Deviations, Uncertainty};
use crate::{Blame, Method, ReconError};

/// What is written for all slices together, and goes as soon as one of them is another's.
const OF_ALL_SLICES: [&str; 3] = ["metrics.json", "report.html", "log_res.csv"];

/// The results of one slice on disk.
pub struct StoredSlice {
    /// Which slice.
    pub id: SliceId,
    /// Its folder.
    pub folder: PathBuf,
}

impl StoredSlice {
    /// The results of a slice in a folder of results, whether or not they are there.
    pub fn new(results: &Path, id: SliceId) -> Self {
        Self { id, folder: results.join(id.to_string()) }
    }

    /// The folders `vol{v}_slice{s}` in a folder of results, in order.
    ///
    /// # Errors
    /// [`ReconError::File`] naming the folder that cannot be listed, or a slice whose number has zeros in front.
    pub fn list(results: &Path) -> Result<Vec<Self>, ReconError> {
        let mut slices = Vec::new();
        for entry in fs::read_dir(results).file(results)? {
            let name = entry.file(results)?.file_name();
            let Some(id) = name.to_str().and_then(SliceId::parse) else { continue };
            let folder = results.join(&name);
            if name.to_str() != Some(&id.to_string()) {
                return Err(ReconError::input(&folder, format!("a number with zeros in front; rename it to {id}")));
            }
            slices.push(Self { id, folder });
        }
        slices.sort_by_key(|slice| slice.id);
        Ok(slices)
    }

    /// Whether the run that wrote the slice got to its end.
    ///
    /// # Errors
    /// [`ReconError::File`] when nobody can tell.
    pub fn is_finished(&self) -> Result<bool, ReconError> {
        let metrics = self.folder.join("metrics.json");
        is_there(&metrics).file(&metrics)
    }

    /// The maps of the slice: T1 and T2 in seconds, complex PD.
    ///
    /// # Errors
    /// [`ReconError::File`] when `maps.npz` is missing or damaged.
    pub fn maps(&self) -> Result<QuantitativeMaps, ReconError> {
        let path = self.folder.join("maps.npz");
        let read = |file: &mut NpzFile| file.array::<f32, IxDyn>("qmaps", "(T1 T2 RePD ImPD, [z,] y, x)");
        let stack = NpzFile::open(&path).and_then(|mut file| read(&mut file)).file(&path)?;
        QuantitativeMaps::from_stacked(stack.view()).file(&path)
    }

    /// Which voxels of the slice are trusted and how sure its maps are; `None` of results that hold nothing of it.
    ///
    /// # Errors
    /// [`ReconError::File`] when `maps.npz` is missing or damaged.
    pub fn uncertainty(&self) -> Result<Option<Uncertainty>, ReconError> {
        const AXES: &str = "([z,] y, x)";
        let path = self.folder.join("maps.npz");
        let mut file = NpzFile::open(&path).file(&path)?;
        if !file.contains("trusted") {
            return Ok(None);
        }
        let trusted = file.array::<bool, IxDyn>("trusted", AXES).file(&path)?;
        if !file.contains(SOURCE) {
            return Ok(Some(Uncertainty { trusted, deviations: None, is_calibrated: false }));
        }
        let maps = self.maps()?;
        let [t1, t2, pd] = Deviations::names().map(|name| file.array::<f32, IxDyn>(name, AXES).file(&path));
        let deviations = [t1?, t2?, pd?];
        let expected = maps.lengths();
        if let Some(other) =
            deviations.iter().map(|map| map.shape()).chain([trusted.shape()]).find(|shape| *shape != expected)
        {
            let message =
                format!("expected deviations and `trusted` of the shape {expected:?} of the maps, got {other:?}");
            return Err(ReconError::input(&path, message));
        }
        let source = file.array::<String, IxDyn>(SOURCE, "").file(&path)?;
        let deviations = Deviations::of_units(deviations, [maps.t1, maps.t2, maps.pd.mapv(|pd| pd.norm())]);
        let is_calibrated = source.iter().any(|source| source == CALIBRATED);
        Ok(Some(Uncertainty { trusted, deviations: Some(deviations), is_calibrated }))
    }

    /// The effective method that the slice was reconstructed with; `None` of a folder that no run of Diph wrote.
    ///
    /// # Errors
    /// When `method.json` cannot be read.
    pub fn method(&self) -> Result<Option<Value>, ReconError> {
        let path = self.folder.join("method.json");
        match is_there(&path).file(&path)? {
            true => Ok(Some(read_json(&path)?)),
            false => Ok(None),
        }
    }
}

/// What decides the results of a run: results of another configuration are not replaced by the way.
pub(super) struct RunConfiguration<'a> {
    pub method: &'a Method,
    pub seed: u64,
    pub sample_seeds: Vec<u64>,
    /// Files that the run reads, for each slice.
    pub files: &'a dyn Fn(SliceId) -> Result<Vec<PathBuf>, ReconError>,
}

impl RunConfiguration<'_> {
    /// Fails when `stored` holds other results, which this run would replace or stand beside.
    fn check(&self, stored: &StoredSlice, is_selected: bool) -> Result<(), ReconError> {
        let in_the_way =
            |what: String| Err(FileError::InTheWay { path: stored.folder.clone(), what }).file(&stored.folder);
        let Some(method) = stored.method()? else {
            return match is_selected && !is_empty(&stored.folder)? {
                true => in_the_way("its files are not those of a reconstruction".into()),
                false => Ok(()),
            };
        };
        // Compared as settings, because numbers in files are written shorter than they are.
        let difference = match serde_json::from_value::<Method>(method) {
            Ok(method) if method == *self.method => None,
            Ok(method) => first_difference(&json!(method), &json!(self.method)),
            Err(error) => Some(format!("{error} in method.json")),
        };
        if let Some(difference) = difference {
            return in_the_way(format!("it holds results of another method: {difference}"));
        }
        let path = stored.folder.join("provenance.json");
        if !is_selected || !is_there(&path).file(&path)? {
            return Ok(());
        }
        let provenance: Provenance = serde_json::from_value(read_json(&path)?).file(&path)?;
        if (provenance.seed, &provenance.sample_seeds) != (self.seed, &self.sample_seeds) {
            return in_the_way(format!(
                "it holds results of the seed {} or of another number of samples",
                provenance.seed
            ));
        }
        for file in (self.files)(stored.id)? {
            let name = file.display().to_string();
            let is_listed = provenance.inputs.iter().any(|input| input.path == name);
            let is_same = || sha256(&file).is_ok_and(|hash| provenance.inputs.iter().any(|input| input.sha256 == hash));
            if !is_listed && !is_same() {
                return in_the_way(format!("it holds results of other data than {name}"));
            }
        }
        Ok(())
    }
}

/// The folder of a run, locked against others as long as the run lasts.
pub(super) struct ResultsFolder<'a> {
    path: &'a Path,
    _lock: FolderLock,
    speaks_of_another_run: bool,
}

impl<'a> ResultsFolder<'a> {
    /// Fails when results of another configuration are in the folder, or what no run replaces; `force` allows results of the slices
    /// to be replaced. Nothing is changed.
    ///
    /// # Errors
    /// [`ReconError::File`] with [`InTheWay`](FileError::InTheWay).
    pub fn check(
        path: &Path,
        slices: &[SliceId],
        configuration: &RunConfiguration<'_>,
        force: bool,
    ) -> Result<(), ReconError> {
        if !is_there(path).file(path)? {
            return Ok(());
        }
        // Links and devices are never replaced, and a run must not find that out when it has its results.
        let of_slices = slices.iter().map(|id| path.join(id.to_string())).flat_map(SliceFiles::replaced);
        for file in of_slices.chain(OF_ALL_SLICES.map(|name| path.join(name))) {
            check_regular(&file).file(&file)?;
        }
        if force {
            return Ok(());
        }
        let stored = StoredSlice::list(path)?;
        for slice in &stored {
            configuration.check(slice, slices.contains(&slice.id))?;
        }
        if !stored.is_empty() {
            return Ok(());
        }
        for name in OF_ALL_SLICES {
            let file = path.join(name);
            if is_there(&file).file(&file)? {
                let what = "it is there, and no results of a reconstruction are beside it".into();
                return Err(FileError::InTheWay { path: file.clone(), what }).file(&file);
            }
        }
        Ok(())
    }

    /// Takes the folder for a run and removes what killed runs have left of their temporary files.
    ///
    /// # Errors
    /// [`ReconError::File`] when another process writes into it, or it cannot be written.
    pub fn take(path: &'a Path) -> Result<Self, ReconError> {
        let lock = FolderLock::take(path).file(path)?;
        remove_stale_temporaries(path).file(path)?;
        for slice in StoredSlice::list(path)? {
            remove_stale_temporaries(&slice.folder).file(&slice.folder)?;
        }
        Ok(Self { path, _lock: lock, speaks_of_another_run: true })
    }

    /// To be called when the first new result is there: what was said of all slices is not true any more.
    ///
    /// # Errors
    /// [`ReconError::File`] naming what cannot be removed.
    pub fn begin(&mut self) -> Result<(), ReconError> {
        if !std::mem::take(&mut self.speaks_of_another_run) {
            return Ok(());
        }
        for name in OF_ALL_SLICES {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).file(&path),
                _ => (),
            }
        }
        Ok(())
    }
}

fn is_empty(folder: &Path) -> Result<bool, ReconError> {
    Ok(fs::read_dir(folder).file(folder)?.next().is_none())
}
