//! The files of a measurement and how they are to be read.

use std::path::PathBuf;

use diph_core::ImageShape;
use diph_formats::{ArrayLocation, Hdf5File, IsmrmrdFile};
use serde_json::{Value, json};

use super::{AxisOrder, Columns, FrameCounter, Measurement, PositionUnit, plain_arrays, scanner_file};
use crate::Result;

/// The files of a measurement and how they are to be read. What is left out is what the format defines, and where it defines nothing,
/// Diph's own convention.
///
/// ```
/// use diph_datasets::{MeasurementFiles, PositionUnit};
/// use diph_formats::{ArrayLocation, write_npy};
/// use ndarray::{Array2, Array3};
/// use num_complex::Complex32;
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = |name: &str| folder.path().join(name);
/// write_npy(path("k.npy"), Array2::from_elem((3, 8), Complex32::ONE).view()).unwrap();
/// write_npy(path("t.npy"), Array3::from_elem((3, 8, 2), 1.5).view()).unwrap();
///
/// let files = MeasurementFiles {
///     trajectory: Some(ArrayLocation::of_file(path("t.npy"))),
///     unit: Some(PositionUnit::Radians),
///     ..MeasurementFiles::of_kspace(ArrayLocation::of_file(path("k.npy")))
/// };
/// let measurement = files.read().unwrap();
/// assert_eq!(measurement.slices[0].1.dim(), (1, 3, 8), "one coil");
/// assert!((measurement.trajectory.positions[[0, 0, 0]] - 1.5 / std::f64::consts::TAU).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MeasurementFiles {
    /// Complex numbers with axes coil, frame, shot, sample and slice, of which some may be missing.
    pub kspace: ArrayLocation,
    /// The axes of the k-space.
    pub kspace_axes: Option<AxisOrder>,
    /// Positions with axes frame, shot, sample and column.
    pub trajectory: Option<ArrayLocation>,
    /// The axes of the trajectory.
    pub trajectory_axes: Option<AxisOrder>,
    /// What the columns of the trajectory stand for.
    pub columns: Option<Columns>,
    /// The unit of the positions.
    pub unit: Option<PositionUnit>,
    /// Density compensation, with the axes of the trajectory but its columns, or of one readout.
    pub weights: Option<ArrayLocation>,
    /// What tells frames apart in the file of a scanner.
    pub frame_counter: Option<FrameCounter>,
    /// Spatial lengths of the image.
    pub image: Option<ImageShape>,
    /// Sides of a voxel in metres along the axes of the image, for positions in 1/m.
    pub voxel: Option<Vec<f64>>,
}

impl MeasurementFiles {
    /// A file that tells everything about itself.
    pub fn of_kspace(kspace: ArrayLocation) -> Self {
        Self {
            kspace,
            kspace_axes: None,
            trajectory: None,
            trajectory_axes: None,
            columns: None,
            unit: None,
            weights: None,
            frame_counter: None,
            image: None,
            voxel: None,
        }
    }

    /// Reads everything.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) naming the file, the key and what was expected, [`Error::Convention`](crate::Error::Convention)
    /// naming the setting that would help.
    pub fn read(&self) -> Result<Measurement> {
        if Hdf5File::is_at(&self.kspace.path) && is_of_scanner(&self.kspace, &IsmrmrdFile::groups(&self.kspace.path)?) {
            return scanner_file::read(self);
        }
        plain_arrays::read(self)
    }

    /// Files that [`read`](Self::read) opens.
    pub fn files(&self) -> Vec<PathBuf> {
        let locations = [Some(&self.kspace), self.trajectory.as_ref(), self.weights.as_ref()];
        locations.into_iter().flatten().flat_map(ArrayLocation::files).collect()
    }

    /// What was asked for, as it goes into the provenance of a result.
    pub fn describe(&self) -> Value {
        let text = |value: Option<&dyn ToString>| value.map(ToString::to_string);
        json!({
            "kspace": self.kspace.to_string(),
            "kspace_axes": text(self.kspace_axes.as_ref().map(|axes| axes as _)),
            "trajectory": text(self.trajectory.as_ref().map(|location| location as _)),
            "trajectory_axes": text(self.trajectory_axes.as_ref().map(|axes| axes as _)),
            "trajectory_columns": text(self.columns.as_ref().map(|columns| columns as _)),
            "trajectory_unit": text(self.unit.as_ref().map(|unit| unit as _)),
            "weights": text(self.weights.as_ref().map(|location| location as _)),
            "frame_counter": text(self.frame_counter.as_ref().map(|counter| counter as _)),
            "voxel": self.voxel,
        })
    }
}

/// Whether a location is a measurement of an ISMRMRD file with these groups, and no array of it.
pub(super) fn is_of_scanner(location: &ArrayLocation, groups: &[String]) -> bool {
    match &location.key {
        Some(key) => groups.iter().any(|group| group == key.trim_matches('/')),
        None => !groups.is_empty(),
    }
}
