//! A measurement from an ISMRMRD file: readouts are put in order by what the scanner's counters say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use diph_core::ImageShape;
use diph_formats::{Counters, Encoding, Error as FileError, IsmrmrdFile, Readout, ReadoutFlag};
use ndarray::{Array2, Array3, ArrayView2, Axis, concatenate};
use num_complex::Complex32;

use super::noise_scan::noise_of;
use super::plain_arrays::{self, Problem};
use super::{Columns, Measurement, MeasurementFiles, PositionUnit};
use crate::{Error, Result, SliceId, TrajectoryFile};

/// No image has a longer side.
const LARGEST_SIDE: usize = 4096;

/// What tells the frames of a fingerprinting sequence apart: scanners have no counter of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameCounter {
    /// The counter of repetitions.
    Repetition,
    /// The counter of echoes.
    Contrast,
    /// The counter of sets.
    Set,
    /// The counter of phases of the heart.
    Phase,
    /// The counter of segments.
    Segment,
    /// The first phase encoding, which some sequences use for the arm of a spiral.
    Step1,
    /// None: every readout is a frame, in the order in which they were taken.
    Readout,
}

impl FrameCounter {
    const ALL: [(&str, Self); 7] = [
        ("repetition", Self::Repetition),
        ("contrast", Self::Contrast),
        ("set", Self::Set),
        ("phase", Self::Phase),
        ("segment", Self::Segment),
        ("step-1", Self::Step1),
        ("readout", Self::Readout),
    ];

    /// Counters that are looked at where the user names none.
    const USUAL: [Self; 4] = [Self::Repetition, Self::Contrast, Self::Set, Self::Phase];

    /// Value of the counter; of [`Readout`](Self::Readout) the place in the file.
    fn of(self, readout: &Readout) -> usize {
        let Counters { step_1, contrast, phase, repetition, set, segment, .. } = readout.counters;
        match self {
            Self::Repetition => repetition,
            Self::Contrast => contrast,
            Self::Set => set,
            Self::Phase => phase,
            Self::Segment => segment,
            Self::Step1 => step_1,
            Self::Readout => readout.record,
        }
    }
}

impl FromStr for FrameCounter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(|(name, _)| name).join(", ");
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, counter)| *counter).ok_or_else(|| format!("expected one of {names}, got `{text}`"))
    }
}

impl fmt::Display for FrameCounter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(_, counter)| counter == self).map_or("", |(name, _)| name))
    }
}

/// Reads k-space and, where `files` names no other, the trajectory that is embedded or that the counters of a Cartesian scan tell.
pub(super) fn read(files: &MeasurementFiles) -> Result<Measurement> {
    plain_arrays::check_used("kspace_axes", files.kspace_axes.is_some(), "but on plain arrays")?;
    if files.trajectory.is_none() {
        const BUT: &str = "but on a trajectory in a file of its own";
        plain_arrays::check_used("trajectory_axes", files.trajectory_axes.is_some(), BUT)?;
        plain_arrays::check_used("density_compensation", files.weights.is_some(), BUT)?;
    }
    let file = IsmrmrdFile::open(&files.kspace.path, files.kspace.key.as_deref())?;
    let imaging: Vec<&Readout> = file.readouts().iter().filter(|readout| readout.is_imaging()).collect();
    let mut notes = Vec::new();
    let is_left_out = |readout: &&Readout| !readout.is_imaging() && !readout.is(ReadoutFlag::Noise);
    let left_out = file.readouts().iter().filter(is_left_out).count();
    if left_out > 0 {
        notes.push(format!("{left_out} readouts of navigators and calibration are left out"));
    }
    let noise = noise_of(&file, imaging.first().map(|readout| readout.channels))?;
    notes.extend(
        noise.as_ref().map(|noise| format!("its {} samples of noise make the coils uncorrelated", noise.ncols())),
    );
    let encoding = only_encoding(&file, &imaging)?;
    let image = files.image.map_or_else(|| image_of(&file, encoding), Ok)?;
    let counter = frame_counter(files, &file, &imaging, &mut notes)?;
    let order = Order::new(&file, &imaging, counter)?;
    let mut gathered = Gathered::new(&file, encoding, image, &order);
    file.read(&order.readouts, |readout, samples, positions| gathered.push(readout, samples, positions))?;
    let (trajectory_file, trajectory, columns) = match &files.trajectory {
        Some(location) => {
            let files = MeasurementFiles { image: Some(image), ..files.clone() };
            let frames = plain_arrays::frame_dimension([location, location])?;
            let (trajectory, columns) = plain_arrays::read_trajectory(&files, location, frames)?;
            (location.path.clone(), trajectory, columns)
        }
        None => {
            let (trajectory, columns) = gathered.trajectory(files, &mut notes)?;
            (files.kspace.path.clone(), trajectory, columns)
        }
    };
    Ok(Measurement {
        kspace_file: files.kspace.path.clone(),
        slices: gathered.slices()?,
        trajectory_file,
        trajectory,
        columns,
        noise,
        image: Some(image),
        files: files.files(),
        notes,
    })
}

/// The encoding that all readouts of the image share.
fn only_encoding<'a>(file: &'a IsmrmrdFile, imaging: &[&Readout]) -> Result<&'a Encoding> {
    let used: BTreeSet<usize> = imaging.iter().map(|readout| readout.encoding).collect();
    let key = format!("{}/data", file.group());
    let [only] = used.into_iter().collect::<Vec<_>>()[..] else {
        let expected = "readouts of an image, all of one encoding";
        let got = format!("{} readouts of several encodings, or of none", imaging.len());
        return Err(FileError::unexpected(file.path(), &key, expected, got).into());
    };
    let encodings = &file.header().encodings;
    encodings.get(only).ok_or_else(|| {
        let expected = format!("one of the {} encodings of the header", encodings.len());
        FileError::unexpected(file.path(), &key, expected, format!("encoding {only}")).into()
    })
}

/// The image that the header asks for.
fn image_of(file: &IsmrmrdFile, encoding: &Encoding) -> Result<ImageShape> {
    let [x, y, z] = encoding.recon.matrix;
    if [x, y].iter().any(|side| !(1..=LARGEST_SIDE).contains(side)) || z > LARGEST_SIDE {
        let expected = format!("sides of an image from 1 to {LARGEST_SIDE}");
        let key = format!("{}/xml", file.group());
        return Err(FileError::unexpected(file.path(), &key, expected, format!("{:?}", encoding.recon.matrix)).into());
    }
    Ok(match z {
        0 | 1 => ImageShape::plane(y, x),
        _ => ImageShape::volume(z, y, x),
    })
}

/// The counter that the user names, or the only usual one that counts.
fn frame_counter(
    files: &MeasurementFiles,
    file: &IsmrmrdFile,
    imaging: &[&Readout],
    notes: &mut Vec<String>,
) -> Result<FrameCounter> {
    if let Some(counter) = files.frame_counter {
        return Ok(counter);
    }
    let counts =
        |counter: &FrameCounter| imaging.iter().map(|readout| counter.of(readout)).collect::<BTreeSet<_>>().len();
    let counting: Vec<FrameCounter> = FrameCounter::USUAL.into_iter().filter(|counter| counts(counter) > 1).collect();
    let [counter] = counting[..] else {
        let names = FrameCounter::ALL.iter().map(|(name, counter)| format!("{name} ({} values)", counts(counter)));
        let problem = format!(
            "expected what tells the frames of {} apart, since {}: {}",
            file.path().display(),
            if counting.is_empty() { "none of the usual counters counts" } else { "several counters count" },
            names.collect::<Vec<_>>().join(", ")
        );
        return Err(Error::Convention { setting: "frame_counter", problem });
    };
    notes.push(format!("frames are told apart by the counter {counter}"));
    Ok(counter)
}

/// Where each readout goes.
struct Order<'a> {
    /// By slice, frame, partition and arm.
    readouts: Vec<&'a Readout>,
    /// Numbers of the slices.
    slices: Vec<usize>,
    frames: usize,
}

impl<'a> Order<'a> {
    /// # Errors
    /// When slices or frames differ in their number of readouts.
    fn new(file: &IsmrmrdFile, imaging: &[&'a Readout], counter: FrameCounter) -> Result<Self> {
        let mut groups: BTreeMap<usize, BTreeMap<usize, Vec<&'a Readout>>> = BTreeMap::new();
        for readout in imaging.iter().copied() {
            groups.entry(readout.counters.slice).or_default().entry(counter.of(readout)).or_default().push(readout);
        }
        let frames: BTreeSet<usize> = groups.values().map(BTreeMap::len).collect();
        let shots: BTreeSet<usize> = groups.values().flat_map(BTreeMap::values).map(Vec::len).collect();
        let slices: Vec<usize> = groups.keys().copied().collect();
        let (1, 1) = (frames.len(), shots.len()) else {
            let key = format!("{}/data", file.group());
            let expected =
                format!("as many frames in every slice, and as many readouts in every frame, told by {counter}");
            let got = format!("{frames:?} frames of {shots:?} readouts in {} slices", slices.len());
            return Err(FileError::unexpected(file.path(), &key, expected, got).into());
        };
        let sorted = groups.into_values().flat_map(BTreeMap::into_values).flat_map(|mut readouts| {
            readouts.sort_by_key(|readout| (readout.counters.step_2, readout.counters.step_1, readout.record));
            readouts
        });
        Ok(Self { readouts: sorted.collect(), slices, frames: frames.first().copied().unwrap_or(0) })
    }

    fn shots(&self) -> usize {
        self.readouts.len() / (self.slices.len() * self.frames).max(1)
    }
}

/// Readouts in their order.
struct Gathered<'a> {
    file: &'a IsmrmrdFile,
    encoding: &'a Encoding,
    image: ImageShape,
    slices: Vec<usize>,
    frames: usize,
    shots: usize,
    /// (channel, sample) of every readout.
    samples: Vec<Array2<Complex32>>,
    /// (sample, column) of every readout of the first slice; embedded, or from the counters in cycles per pixel.
    positions: Vec<Array2<f64>>,
    embedded: bool,
}

impl<'a> Gathered<'a> {
    fn new(file: &'a IsmrmrdFile, encoding: &'a Encoding, image: ImageShape, order: &Order<'_>) -> Self {
        Self {
            file,
            encoding,
            image,
            slices: order.slices.clone(),
            frames: order.frames,
            shots: order.shots(),
            samples: Vec::new(),
            positions: Vec::new(),
            embedded: false,
        }
    }

    fn unexpected(&self, expected: impl ToString, got: impl ToString) -> Error {
        FileError::unexpected(self.file.path(), &format!("{}/data", self.file.group()), expected, got).into()
    }

    fn push(&mut self, readout: &Readout, mut samples: Array2<Complex32>, positions: Array2<f32>) -> Result<()> {
        let first_slice = self.slices.first() == Some(&readout.counters.slice);
        let embedded = readout.trajectory_dimensions > 0;
        // An embedded trajectory has the order of the samples, which counters know nothing of.
        if !embedded && readout.is(ReadoutFlag::Reverse) {
            samples.invert_axis(Axis(1));
        }
        if let Some(first) = self.samples.first().filter(|first| first.dim() != samples.dim()) {
            let expected = format!("{:?} channels and samples in every readout", first.dim());
            let got = format!("{:?} in record {}", samples.dim(), readout.record);
            return Err(self.unexpected(expected, got));
        }
        let positions = match embedded {
            true => positions.mapv(f64::from),
            false => cartesian(readout, self.encoding, &self.image),
        };
        let at = self.samples.len() % (self.frames * self.shots);
        match first_slice {
            true => self.positions.push(positions),
            false if embedded && self.positions.get(at) != Some(&positions) => {
                let expected = "the trajectory of the first slice in every slice";
                let got = format!("another one in record {}", readout.record);
                return Err(self.unexpected(expected, got));
            }
            false => (),
        }
        self.embedded = embedded;
        self.samples.push(samples);
        Ok(())
    }

    /// (coil, frame, sample) of every slice, whose shots are joined.
    fn slices(&self) -> Result<Vec<(SliceId, Array3<Complex32>)>> {
        let of_slice = self.frames * self.shots;
        let failed =
            |error: ndarray::ShapeError| Error::from(FileError::malformed(self.file.path(), "ISMRMRD file", error));
        let join = |(slice, readouts): (&usize, &[Array2<Complex32>])| -> Result<(SliceId, Array3<Complex32>)> {
            let frame = |shots: &[Array2<Complex32>]| {
                let views: Vec<ArrayView2<'_, Complex32>> = shots.iter().map(|shot| shot.view()).collect();
                concatenate(Axis(1), &views).map_err(failed)
            };
            let frames = readouts.chunks(self.shots).map(frame).collect::<Result<Vec<_>>>()?;
            let views: Vec<ArrayView2<'_, Complex32>> = frames.iter().map(|frame| frame.view()).collect();
            let kspace = ndarray::stack(Axis(1), &views).map_err(failed)?;
            Ok((SliceId::new(0, *slice), kspace.as_standard_layout().into_owned()))
        };
        self.slices.iter().zip(self.samples.chunks(of_slice)).map(join).collect()
    }

    fn trajectory(&self, files: &MeasurementFiles, notes: &mut Vec<String>) -> Result<(TrajectoryFile, Columns)> {
        let (encoding, image) = (self.encoding, self.image);
        if !self.embedded && encoding.trajectory != "cartesian" {
            let problem = format!(
                "expected the positions of the samples of {}, whose readouts have none and are {}, not cartesian",
                self.file.path().display(),
                encoding.trajectory
            );
            return Err(Error::Convention { setting: "trajectory", problem });
        }
        let samples: usize = self.positions.iter().take(self.shots).map(Array2::nrows).sum();
        let columns = self.positions.first().map_or(0, Array2::ncols);
        let flat: Vec<f64> = self.positions.iter().flat_map(|positions| positions.iter().copied()).collect();
        let mut positions = Array3::from_shape_vec((self.frames, samples, columns), flat)
            .map_err(|error| self.unexpected("one trajectory for every frame", error))?;
        if !self.embedded {
            const BUT: &str = "but on positions from a file, and these follow from the counters";
            plain_arrays::check_used("trajectory_columns", files.columns.is_some(), BUT)?;
            plain_arrays::check_used("trajectory_unit", files.unit.is_some(), BUT)?;
            // Samples that fill the grid evenly weigh the same.
            let weights = image.is_volume().then(|| Array2::ones((1, samples)));
            let columns = Columns::own(columns);
            let inside = plain_arrays::on_the_edge(positions);
            return match inside {
                Ok(positions) => Ok((TrajectoryFile { positions, weights }, columns)),
                Err(most) => {
                    let expected = "a scan within the resolution of the image; a larger image holds it";
                    let got = format!("positions up to {most:.4} cycles per pixel of an image of {image}");
                    Err(self.unexpected(expected, got))
                }
            };
        }
        let mut weights = None;
        // A custom of spiral sequences: the third column of a plane's trajectory is its density compensation.
        if !image.is_volume() && columns == 3 && files.columns.is_none() {
            let third = positions.index_axis(Axis(2), 2).to_owned();
            if third.iter().any(|value| *value != 0.0) && third.iter().all(|value| *value >= 0.0) {
                weights = Some(third);
                positions = positions.slice_move(ndarray::s![.., .., ..2]);
                notes.push("the third column of the trajectory is taken as density compensation".into());
            }
        }
        let count = positions.len_of(Axis(2));
        let columns = files.columns.clone().unwrap_or_else(|| Columns::x_first(count));
        if !(2..=3).contains(&count) || columns.count() != count {
            let expected = format!("{} columns ({columns})", columns.count());
            return Err(self.unexpected(expected, format!("{count} columns")));
        }
        let unit = files.unit.unwrap_or(PositionUnit::CyclesPerPixel);
        let voxel = files.voxel.clone().unwrap_or_else(|| voxel_of(encoding, &image));
        let known = MeasurementFiles { image: Some(image), voxel: Some(voxel), ..files.clone() };
        let positions =
            plain_arrays::in_cycles(positions.view(), &columns, unit, &known).map_err(|problem| match problem {
                Problem::Setting(setting, problem) => Error::Convention { setting, problem },
                Problem::Values(expected, got) => self.unexpected(expected, got),
            })?;
        Ok((TrajectoryFile { positions, weights }, columns))
    }
}

/// Positions (sample, axis) of a line of a Cartesian scan in cycles per pixel, in Diph's order of axes. The centre of k-space is where
/// the header has it.
fn cartesian(readout: &Readout, encoding: &Encoding, image: &ImageShape) -> Array2<f64> {
    let axes = image.lengths().len();
    let pixel = |axis: usize| {
        let lengths = image.lengths();
        let length = lengths.get(lengths.len() - 1 - axis).copied().unwrap_or(1) as f64;
        let (whole, seen) = (encoding.encoded.field_of_view[axis], encoding.recon.field_of_view[axis]);
        let has_views = whole > 0.0 && seen > 0.0;
        if has_views { seen / (whole * length) } else { 1.0 / encoding.encoded.matrix[axis].max(1) as f64 }
    };
    let step = |limit: Option<diph_formats::EncodingLimit>, axis: usize, value: usize| {
        let center = limit.map_or(encoding.encoded.matrix[axis] / 2, |limit| limit.center);
        (value as f64 - center as f64) * pixel(axis)
    };
    let kept = readout.kept();
    let y = step(encoding.step_1, 1, readout.counters.step_1);
    let z = if axes == 3 { step(encoding.step_2, 2, readout.counters.step_2) } else { 0.0 };
    let last = readout.samples.saturating_sub(1);
    Array2::from_shape_fn((kept.len(), axes), |(sample, axis)| match axes - 1 - axis {
        0 => {
            let taken = kept.start + sample;
            // Turned around, samples and their centre count from the other end.
            let (at, center) = match readout.is(ReadoutFlag::Reverse) {
                false => (taken as f64, readout.center_sample as f64),
                true => ((readout.samples - kept.end + sample) as f64, last as f64 - readout.center_sample as f64),
            };
            (at - center) * pixel(0)
        }
        1 => y,
        _ => z,
    })
}

/// Sides of a voxel in metres along the axes of the image.
fn voxel_of(encoding: &Encoding, image: &ImageShape) -> Vec<f64> {
    let axes = image.lengths().len();
    let side = |axis: usize| {
        let from_x = axes - 1 - axis;
        encoding.recon.field_of_view[from_x] / 1000.0 / image.lengths()[axis] as f64
    };
    (0..axes).map(side).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use diph_formats::{ArrayLocation, NpzFile};
    use ndarray::{Ix3, Ix4};
    use std::path::{Path, PathBuf};

    fn peer(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers").join(name)
    }

    #[test]
    fn readouts_are_put_in_order() {
        let files = MeasurementFiles::of_kspace(ArrayLocation::of_file(peer("ismrmrd_python.h5")));
        let read = files.read().unwrap();
        let mut written = NpzFile::open(peer("ismrmrd_python.npz")).unwrap();
        let kspace = written.array::<Complex32, Ix4>("kspace", "(slice, coil, frame, sample)").unwrap();
        let trajectory = written.array::<f64, Ix3>("trajectory", "(frame, sample, column)").unwrap();
        assert_eq!(read.ids(), [SliceId::new(0, 0), SliceId::new(0, 1)]);
        for (id, found) in &read.slices {
            assert_eq!(*found, kspace.index_axis(Axis(0), id.slice));
            assert!(found.is_standard_layout(), "as operators take it");
        }
        for ((frame, sample, axis), position) in read.trajectory.positions.indexed_iter() {
            assert_eq!(*position, trajectory[[frame, sample, 1 - axis]]);
        }
        assert_eq!(read.image, Some(ImageShape::plane(16, 16)));
        assert_eq!(read.notes.len(), 2, "{:?}", read.notes);
    }

    #[test]
    fn frames_are_told_apart_as_the_user_says() {
        let files = MeasurementFiles::of_kspace(ArrayLocation::of_file(peer("ismrmrd_python.h5")));
        let by = |counter| MeasurementFiles { frame_counter: Some(counter), ..files.clone() }.read();
        let read = by(FrameCounter::Readout).unwrap();
        assert_eq!(read.slices[0].1.dim(), (2, 6, 8));
        assert!(by(FrameCounter::Contrast).unwrap().slices[0].1.dim() == (2, 1, 48));
        assert!("echo".parse::<FrameCounter>().unwrap_err().contains("step-1"));
        assert_eq!("step-1".parse::<FrameCounter>().unwrap().to_string(), "step-1");
    }

    #[test]
    fn settings_without_effect_are_refused() {
        let message = |files: MeasurementFiles| files.read().unwrap_err().to_string();
        let python = MeasurementFiles::of_kspace(ArrayLocation::of_file(peer("ismrmrd_python.h5")));
        let axes = Some("coil,frame,sample".parse().unwrap());
        assert!(
            message(MeasurementFiles { kspace_axes: axes, ..python.clone() }).starts_with("kspace_axes: has no effect")
        );
        let weights = Some(ArrayLocation::of_file("w.npy"));
        assert!(message(MeasurementFiles { weights, ..python }).starts_with("density_compensation: has no effect"));
        let cpp = MeasurementFiles::of_kspace(ArrayLocation::of_file(peer("ismrmrd_cpp.h5")));
        let unit = Some(PositionUnit::Radians);
        assert!(message(MeasurementFiles { unit, ..cpp }).starts_with("trajectory_unit: has no effect"));
    }

    #[test]
    fn lines_of_a_cartesian_scan_lie_where_the_header_has_them() {
        let read = MeasurementFiles::of_kspace(ArrayLocation::of_file(peer("ismrmrd_cpp.h5"))).read().unwrap();
        assert_eq!(read.slices[0].1.dim(), (2, 2, 16 * 32));
        let positions = &read.trajectory.positions;
        assert_eq!(positions[[0, 0, 0]], -0.5);
        assert_eq!([positions[[1, 8 * 32 + 16, 0]], positions[[1, 8 * 32 + 16, 1]]], [0.0, 0.0], "the centre");
        assert!((positions[[0, 8 * 32 + 17, 1]] - 1.0 / 32.0).abs() < 1e-12, "oversampled twice");
    }
}
