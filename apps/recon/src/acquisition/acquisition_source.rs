//! Where trajectory, dictionary and coil sensitivities come from.

use std::path::{Path, PathBuf};

use diph_bloch::{Dictionary, DictionaryGrid, Sequence};
use diph_core::ImageShape;
use diph_datasets::{DatasetFolder, TrajectoryFile};
use diph_formats::{NpzFile, is_there};
use diph_nufft::Trajectory;
use ndarray::{Array2, Array3, ArrayD, ArrayViewD, Axis, Ix3, Ix4};
use num_complex::Complex32;
use serde_json::{Value, json};

use super::{Acquisition, MeasurementSource, SequenceSource, read_dictionary};
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
    /// Coil sensitivities instead of the folder's.
    pub coil_maps: Option<&'a Path>,
    /// Leaves coil sensitivities out, so that they are estimated from the data.
    pub estimate_coils: bool,
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
            coil_maps: None,
            estimate_coils: false,
        }
    }

    /// Reads everything for images of a shape; simulates the dictionary of a sequence until cancelled.
    ///
    /// # Errors
    /// Naming the file, the key and what was expected.
    pub fn read(&self, image: ImageShape, cancel: &Cancel) -> Result<Acquisition, ReconError> {
        let dictionary = self.read_dictionary(cancel)?;
        let (trajectory, density_compensation) = self.read_trajectory(dictionary.frames(), &image)?;
        let coil_maps = self.read_coil_maps(&image)?;
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
            ("coil_maps", json!(self.coil_maps.map(text))),
            ("estimate_coils", json!(self.estimate_coils)),
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
        let coil_maps = self.coil_maps_path()?;
        let measured = match self.from {
            MeasurementSource::Files(_, measurement) => measurement.files.clone(),
            MeasurementSource::Folder(_) => vec![self.trajectory_path()?],
        };
        Ok(measured.into_iter().chain([dictionary, sequence, coil_maps].into_iter().flatten()).collect())
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

    fn coil_maps_path(&self) -> Result<Option<PathBuf>, ReconError> {
        if self.estimate_coils {
            return Ok(None);
        }
        if let Some(path) = self.coil_maps {
            return Ok(Some(path.to_owned()));
        }
        let Some(own) = self.from.folder().map(DatasetFolder::coil_maps_path) else {
            return Ok(None);
        };
        Ok(is_there(&own).file(&own)?.then_some(own))
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

    fn read_coil_maps(&self, image: &ImageShape) -> Result<Option<ArrayD<Complex32>>, ReconError> {
        let Some(path) = self.coil_maps_path()? else {
            return Ok(None);
        };
        const KEY: &str = "coil_maps";
        let mut file = NpzFile::open(&path).file(&path)?;
        let maps = match image.is_volume() {
            true => file.array::<Complex32, Ix4>(KEY, "(coil, z, y, x)").file(&path)?.into_dyn(),
            false => file.array::<Complex32, Ix3>(KEY, "(coil, y, x)").file(&path)?.into_dyn(),
        };
        check_coil_maps(&path, maps.view())?;
        if maps.shape()[1..] == *image.lengths() {
            return Ok(Some(maps));
        }
        let lengths: Vec<String> = image.lengths().iter().map(usize::to_string).collect();
        let message = format!("key `{KEY}`: expected (coil, {}), got {:?}", lengths.join(", "), maps.shape());
        Err(ReconError::input(&path, message))
    }
}

/// Fails on sensitivities of no coil, and of coils that see nothing.
fn check_coil_maps(path: &Path, maps: ArrayViewD<'_, Complex32>) -> Result<(), ReconError> {
    let got = match maps.is_empty() {
        true => format!("{:?}", maps.shape()),
        false if maps.iter().all(|value| *value == Complex32::ZERO) => "zeros only".into(),
        false => return Ok(()),
    };
    Err(ReconError::input(path, format!("key `coil_maps`: expected the sensitivities of at least one coil, got {got}")))
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
