//! Where slices come from.

use std::path::{Path, PathBuf};

use diph_datasets::{DatasetFolder, Measurement, MeasurementFiles, SliceId};
use diph_formats::{NpzFile, is_there};
use ndarray::Array3;
use num_complex::Complex32;
use serde_json::{Value, json};

use crate::{Blame, ReconError};

/// Where slices and what they were measured with come from.
#[derive(Clone, Copy)]
pub enum MeasurementSource<'a> {
    /// A data folder: k-space, reference maps, trajectory, dictionary and coil sensitivities.
    Folder(&'a DatasetFolder),
    /// Files that the user named, and what was read from them: k-space and trajectory, without references.
    Files(&'a MeasurementFiles, &'a Measurement),
}

impl<'a> MeasurementSource<'a> {
    /// The data folder, where it is one.
    pub fn folder(self) -> Option<&'a DatasetFolder> {
        match self {
            Self::Folder(folder) => Some(folder),
            Self::Files(..) => None,
        }
    }

    /// What errors about the whole of it name: the folder, or the file of the k-space.
    pub fn place(self) -> &'a Path {
        match self {
            Self::Folder(folder) => folder.root(),
            Self::Files(_, measurement) => &measurement.kspace_file,
        }
    }

    /// The file that has the k-space of a slice, or would have it.
    pub fn kspace_file(self, id: SliceId, cut: usize) -> PathBuf {
        match self {
            Self::Folder(folder) => folder.kspace_path(id, cut),
            Self::Files(_, measurement) => measurement.kspace_file.clone(),
        }
    }

    /// Whether there is k-space of a slice.
    ///
    /// # Errors
    /// When nobody can tell.
    pub fn has_kspace(self, id: SliceId, cut: usize) -> Result<bool, ReconError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.kspace_path(id, cut);
                is_there(&path).file(&path)
            }
            Self::Files(_, measurement) => Ok(measurement.kspace(id).is_some()),
        }
    }

    /// Axis lengths of the k-space of a slice, (coil, frame, sample), in files with an axis of length 1 before them. The header of a
    /// file is enough.
    ///
    /// # Errors
    /// Naming the file.
    pub fn kspace_shape(self, id: SliceId, cut: usize) -> Result<Vec<usize>, ReconError> {
        match self {
            Self::Folder(folder) => {
                let path = folder.kspace_path(id, cut);
                NpzFile::open(&path).and_then(|mut file| file.shape("y")).file(&path)
            }
            Self::Files(_, measurement) => Ok(self.of_slice(measurement, id)?.shape().to_vec()),
        }
    }

    /// K-space of a slice, (coil, frame, sample).
    ///
    /// # Errors
    /// Naming the file, the key and what was expected.
    pub fn kspace(self, id: SliceId, cut: usize) -> Result<Array3<Complex32>, ReconError> {
        match self {
            Self::Folder(folder) => folder.kspace(id, cut).file(&folder.kspace_path(id, cut)),
            Self::Files(_, measurement) => self.of_slice(measurement, id).cloned(),
        }
    }

    /// What was asked for, as it goes into the provenance of a result: `dataset` is null where it is no data folder.
    pub fn describe(self) -> Value {
        match self {
            Self::Folder(folder) => json!({ "dataset": folder.root().to_string_lossy() }),
            Self::Files(files, _) => json!({ "dataset": null, "files": files.describe() }),
        }
    }

    fn of_slice(self, measurement: &'a Measurement, id: SliceId) -> Result<&'a Array3<Complex32>, ReconError> {
        measurement.kspace(id).ok_or_else(|| ReconError::input(self.place(), format!("it has no k-space of {id}")))
    }
}
