//! What was measured, in Diph's conventions.

use std::path::PathBuf;

use diph_core::ImageShape;
use ndarray::{Array2, Array3};
use num_complex::Complex32;

use super::Columns;
use crate::{SliceId, TrajectoryFile};

/// K-space and trajectory of one subject, in Diph's conventions, whatever the files were.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The file of the k-space.
    pub kspace_file: PathBuf,
    /// (coil, frame, sample) of every slice; at least one.
    pub slices: Vec<(SliceId, Array3<Complex32>)>,
    /// The file of the trajectory; that of the k-space where it is embedded.
    pub trajectory_file: PathBuf,
    /// Positions in cycles per pixel, and density compensation where the files have it.
    pub trajectory: TrajectoryFile,
    /// The columns of the trajectory as they were taken.
    pub columns: Columns,
    /// Noise (coil, sample) that was received without a signal, where the files have it.
    pub noise: Option<Array2<Complex32>>,
    /// Spatial lengths of the image, where they are known.
    pub image: Option<ImageShape>,
    /// Every file that was read.
    pub files: Vec<PathBuf>,
    /// What was assumed or left out, in sentences for the user.
    pub notes: Vec<String>,
}

impl Measurement {
    /// Which slices there are.
    pub fn ids(&self) -> Vec<SliceId> {
        self.slices.iter().map(|(id, _)| *id).collect()
    }

    /// (coil, frame, sample) of a slice.
    pub fn kspace(&self, id: SliceId) -> Option<&Array3<Complex32>> {
        self.slices.iter().find(|(there, _)| *there == id).map(|(_, kspace)| kspace)
    }
}
