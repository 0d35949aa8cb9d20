//! Where trajectory, dictionary and coil sensitivities come from.

use std::path::{Path, PathBuf};

use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_coils::{Compression, Prewhitening};
use diph_core::ImageShape;
use diph_datasets::{DatasetFolder, TrajectoryFile, read_noise};
use diph_formats::{ArrayLocation, is_there};
use diph_nufft::Trajectory;
use ndarray::{Array2, Array3, Axis};
use serde_json::{Value, json};

use super::{
    Acquisition, CoilPreparation, CoilSource, MeasurementSource, NoiseSource, SequenceSource, read_coil_maps,
    read_dictionary,
};
use crate::{Blame, Cancel, ReconError};

/// Iterations of density compensation for trajectories that come without one; it settles in about ten.
const PIPE_MENON_ITERATIONS: usize = 15;

/// Where trajectory, dictionary and coil sensitivities come from: a data folder or the files of a measurement, with other files of the
/// user's in their place.
pub struct AcquisitionSource<'a> {
    /// Where slices come from.
    pub from: MeasurementSource<'a>,
    /// Truncation of the sequence, 0..4.
    pub cut: usize,
    /// Coefficients of the subspace.
    pub coefficients: usize,
    /// Trajectory file instead of the folder's.
    pub trajectory: Option<&'a Path>,
    /// Dictionary file instead of the folder's.
    pub dictionary: Option<&'a Path>,
    /// Sequence to simulate the dictionary from instead of reading one.
    pub sequence: Option<&'a SequenceSource>,
    /// Coil sensitivities instead of the folder's; estimated where there are none.
    pub coils: Option<&'a CoilSource>,
    /// Noise of the coils instead of that of the measurement.
    pub noise: Option<&'a NoiseSource>,
    /// Virtual coils instead of all.
    pub compression: Option<Compression>,
}

impl<'a> AcquisitionSource<'a> {
    /// Everything from the folder itself, five coefficients.
    pub fn of_folder(folder: &'a DatasetFolder, cut: usize) -> Self {
        Self {
            from: MeasurementSource::Folder(folder),
            cut,
            coefficients: 5,
            trajectory: None,
            dictionary: None,
            sequence: None,
            coils: None,
            noise: None,
            compression: None,
        }
    }

    /// Reads everything for images of a shape; simulates the dictionary of a sequence until cancelled.
    ///
    /// # Errors
    /// Naming the file, the key and what was expected.
    pub fn read(&self, image: ImageShape, cancel: &Cancel) -> Result<Acquisition, ReconError> {
        let dictionary = self.read_dictionary(cancel)?;
        let (trajectory, density_compensation) = self.read_trajectory(dictionary.frames(), &image)?;
        let coil_maps = self.coil_location()?.map(|location| read_coil_maps(&location, &image)).transpose()?;
        Ok(Acquisition { trajectory, density_compensation, dictionary, coil_maps, image })
    }

    /// What was asked for, as it goes into the provenance of a result.
    pub fn describe(&self) -> Value {
        let sequence = self.sequence.map(SequenceSource::to_string);
        // JSON is text, and a path need not be.
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut description = self.from.describe();
        for (name, value) in [
            ("cut", json!(self.cut)),
            ("coefficients", json!(self.coefficients)),
            ("trajectory", json!(self.trajectory.map(text))),
            ("dictionary", json!(self.dictionary.map(text))),
            ("sequence", json!(sequence)),
            ("coils", json!(self.coils.map(CoilSource::to_string))),
            ("noise", json!(self.noise.map(NoiseSource::to_string))),
            ("coil_compression", json!(self.compression.map(|compression| compression.to_string()))),
        ] {
            description[name] = value;
        }
        description
    }

    /// Files that [`read`](Self::read) opens.
    ///
    /// # Errors
    /// When the folder has two files for one thing, or nobody can tell what it has.
    pub fn files(&self) -> Result<Vec<PathBuf>, ReconError> {
        let dictionary = self.sequence.is_none().then(|| self.dictionary_path()).transpose()?;
        let sequence = match self.sequence {
            Some(SequenceSource::File(path)) => Some(path.clone()),
            _ => None,
        };
        let coils = self.coil_location()?.into_iter().flat_map(|location| location.files());
        let noise = match self.noise {
            Some(NoiseSource::File(location)) => location.files(),
            _ => Vec::new(),
        };
        let measured = match self.from {
            MeasurementSource::Files(_, measurement) => measurement.files.clone(),
            MeasurementSource::Folder(_) => vec![self.trajectory_path()?],
        };
        Ok(measured.into_iter().chain([dictionary, sequence].into_iter().flatten()).chain(coils).chain(noise).collect())
    }

    /// The trajectory that [`read`](Self::read) opens.
    ///
    /// # Errors
    /// When the folder has two, or nobody can tell which it has.
    pub fn trajectory_path(&self) -> Result<PathBuf, ReconError> {
        match (self.trajectory, self.from) {
            (Some(path), _) => Ok(path.to_owned()),
            (None, MeasurementSource::Folder(folder)) => folder.trajectory_path().file(folder.root()),
            (None, MeasurementSource::Files(_, measurement)) => Ok(measurement.trajectory_file.clone()),
        }
    }

    fn dictionary_path(&self) -> Result<PathBuf, ReconError> {
        match (self.dictionary, self.from) {
            (Some(path), _) => Ok(path.to_owned()),
            (None, MeasurementSource::Folder(folder)) => folder.dictionary_path(self.cut).file(folder.root()),
            (None, MeasurementSource::Files(_, measurement)) => {
                let message = format!(
                    "expected the file of a dictionary, or a sequence to simulate it from: {} has none",
                    measurement.kspace_file.display()
                );
                Err(ReconError::setting("dictionary", message))
            }
        }
    }

    /// Where coil sensitivities are, if they are known.
    fn coil_location(&self) -> Result<Option<ArrayLocation>, ReconError> {
        match (self.coils, self.from.folder()) {
            (Some(CoilSource::Estimated(_)), _) | (None, None) => Ok(None),
            (Some(CoilSource::File(location)), _) => Ok(Some(location.clone())),
            (None, Some(folder)) => {
                let own = folder.coil_maps_path();
                Ok(is_there(&own).file(&own)?.then(|| ArrayLocation::of_file(own)))
            }
        }
    }

    /// What happens to coils before anything is reconstructed: by the noise that the user names, or the measurement's own.
    ///
    /// # Errors
    /// Naming the file of the noise, or the setting `noise` where the measurement's own cannot be used.
    pub fn read_coil_preparation(&self) -> Result<CoilPreparation, ReconError> {
        let whitening = match (self.noise, self.from) {
            (Some(NoiseSource::None), _) | (None, MeasurementSource::Folder(_)) => None,
            (Some(NoiseSource::File(location)), _) => {
                let noise = read_noise(location).file(&location.path)?;
                Some(Prewhitening::of_noise(noise.view()).file(&location.path)?)
            }
            (None, MeasurementSource::Files(_, measurement)) => {
                let own = measurement.noise.as_ref().map(|noise| Prewhitening::of_noise(noise.view()));
                let unusable = |error| format!("the noise scan of the measurement: {error}; name another, or none");
                own.transpose().map_err(unusable).setting("noise")?
            }
        };
        Ok(CoilPreparation { whitening, compression: self.compression })
    }

    fn read_dictionary(&self, cancel: &Cancel) -> Result<Dictionary, ReconError> {
        if let Some(source) = self.sequence {
            let sequence = source.read(Sequence::CUTS[self.cut])?;
            let (grid, is_cancelled) = (DictionaryGrid::brain(), || cancel.is_cancelled());
            return Dictionary::simulate_unless(&is_cancelled, &sequence, &grid, self.coefficients).setting("sequence");
        }
        let path = self.dictionary_path()?;
        read_dictionary(&path, self.coefficients)
    }

    /// Positions (frame, sample, 2), of a volume (frame, sample, 3), and density compensation (frame, sample) for a number of
    /// frames.
    ///
    /// # Errors
    /// Naming the file, the key and what was expected.
    pub fn read_trajectory(&self, frames: usize, image: &ImageShape) -> Result<(Array3<f64>, Array2<f32>), ReconError> {
        let path = self.trajectory_path()?;
        let file = match (self.trajectory, self.from) {
            (None, MeasurementSource::Files(_, measurement)) => measurement.trajectory.clone(),
            _ => TrajectoryFile::read(&path).file(&path)?,
        };
        let (axes, needed) = (file.positions.len_of(Axis(2)), image.lengths().len());
        if axes != needed {
            let names: Vec<String> = image.names().iter().map(|name| format!("k{name}")).collect();
            let names = names.join(", ");
            let message = format!("positions: expected {needed} columns ({names}) for an image of {image}, got {axes}");
            return Err(ReconError::input(&path, message));
        }
        if image.is_volume() {
            let Some(weights) = &file.weights else {
                let message = "expected `weights` with the trajectory of a volume: density compensation is computed for planes \
                               only; write ones where samples fill the grid evenly";
                return Err(ReconError::input(&path, message));
            };
            return Ok((repeated(&file.positions, frames), by_frame(weights, frames)));
        }
        let trajectory = Trajectory::from_interleaves(file.positions.view(), frames).file(&path)?;
        let weights = match &file.weights {
            Some(weights) => by_frame(weights, frames),
            None => density_compensation(&trajectory, image).file(&path)?,
        };
        Ok((positions(&trajectory), weights))
    }
}

/// Density compensation (frame, sample) of a plane's trajectory that comes without one, by Pipe and Menon's iterations.
///
/// # Errors
/// When the trajectory is too large for the image.
pub fn density_compensation(trajectory: &Trajectory, image: &ImageShape) -> diph_core::Result<Array2<f32>> {
    let [height, width] = image.plane_lengths();
    diph_nufft::density::pipe_menon(trajectory, height, width, PIPE_MENON_ITERATIONS)
}

/// The positions as an array (frame, sample, 2).
pub fn positions(trajectory: &Trajectory) -> Array3<f64> {
    let (samples, values) = (trajectory.samples(), trajectory.as_slice());
    Array3::from_shape_fn((trajectory.frames(), samples, 2), |(t, s, axis)| values[(t * samples + s) * 2 + axis])
}

/// Positions of every frame: frame t uses interleave t modulo their number.
fn repeated(interleaves: &Array3<f64>, frames: usize) -> Array3<f64> {
    let (count, samples, axes) = interleaves.dim();
    Array3::from_shape_fn((frames, samples, axes), |(t, s, axis)| interleaves[[t % count, s, axis]])
}

/// Weights of every frame: frame t uses interleave t modulo their number.
fn by_frame(weights: &Array2<f64>, frames: usize) -> Array2<f32> {
    let (interleaves, samples) = weights.dim();
    let row = |frame: usize| weights.index_axis(Axis(0), frame % interleaves);
    Array2::from_shape_fn((frames, samples), |(frame, sample)| row(frame)[sample] as f32)
}
