//! K-space and trajectory from plain arrays: `.npy`, members of `.npz` and `.mat`, and BART's pairs.

use diph_core::ImageShape;
use diph_formats::{AnyArray, ArrayEntry, ArrayFile, ArrayLocation, CflFile, Error as FileError};
use ndarray::{Array2, Array3, Array4, ArrayD, ArrayView3, Axis, Ix2, Ix3, Ix4, IxDyn};
use num_complex::Complex32;

use super::position_unit::ROUNDING;
use super::{AxisOrder, Columns, Measurement, MeasurementFiles, PositionUnit, is_pulseq, pulseq_trajectory};
use crate::{Error, Result, SliceId, TrajectoryFile};

/// Axes of k-space: each group becomes one axis.
const KSPACE: [&[&str]; 4] = [&["slice"], &["coil"], &["frame"], &["shot", "sample"]];

/// Axes of a trajectory.
const TRAJECTORY: [&[&str]; 3] = [&["frame"], &["shot", "sample"], &["column"]];

/// Axes of density compensation.
const WEIGHTS: [&[&str]; 2] = [&["frame"], &["shot", "sample"]];

pub(super) fn read(files: &MeasurementFiles) -> Result<Measurement> {
    check_used("frame_counter", files.frame_counter.is_some(), "but on the raw data of a scanner")?;
    let Some(trajectory) = &files.trajectory else {
        let problem = format!("expected the positions of the samples of {}, which has none itself", files.kspace);
        return Err(Error::Convention { setting: "trajectory", problem });
    };
    let frames = frame_dimension([&files.kspace, trajectory])?;
    let kspace = read_kspace(files, frames)?;
    let (trajectory_file, columns) = read_trajectory(files, trajectory, frames)?;
    let slices = kspace.outer_iter().enumerate().map(|(slice, kspace)| (SliceId::new(0, slice), kspace.to_owned()));
    Ok(Measurement {
        kspace_file: files.kspace.path.clone(),
        slices: slices.collect(),
        trajectory_file: trajectory.path.clone(),
        trajectory: trajectory_file,
        columns,
        noise: None,
        image: files.image,
        files: files.files(),
        notes: Vec::new(),
    })
}

/// Fails on a setting that is there and has no effect.
pub(super) fn check_used(setting: &'static str, is_there: bool, but: &str) -> Result<()> {
    match is_there {
        true => Err(Error::Convention { setting, problem: format!("has no effect {but}; leave it out") }),
        false => Ok(()),
    }
}

/// (slice, coil, frame, sample).
fn read_kspace(files: &MeasurementFiles, frames: usize) -> Result<Array4<Complex32>> {
    let location = &files.kspace;
    let entry = location.read()?;
    let (path, key, shape) = (entry.path.clone(), entry.key.clone(), entry.array.shape().to_vec());
    let values = entry.read::<Complex32, IxDyn>("k-space")?;
    let own = match shape[..] {
        _ if CflFile::is_named_by(&location.path) => Some(bart_axes("1", "sample", frames, shape.len())),
        [_, _] => Some(AxisOrder::of(&["frame", "sample"])),
        [_, _, _] => Some(AxisOrder::of(&["coil", "frame", "sample"])),
        [1, _, _, _] => Some(AxisOrder::of(&["1", "coil", "frame", "sample"])),
        _ => None,
    };
    let order = files.kspace_axes.clone().or(own).ok_or_else(|| Error::Convention {
        setting: "kspace_axes",
        problem: format!(
            "expected the names of the {} axes of {location} {shape:?}, slowest first: coil, frame, shot, sample, slice, or 1",
            shape.len()
        ),
    })?;
    let arranged = order.arrange(values, &KSPACE).map_err(convention("kspace_axes", location))?;
    match arranged.into_dimensionality::<Ix4>() {
        Ok(kspace) if !kspace.is_empty() => Ok(kspace),
        _ => Err(FileError::unexpected(&path, &key, "at least one sample", format!("{shape:?}")).into()),
    }
}

/// Positions in Diph's convention with their density compensation, and the columns that they were taken from.
pub(super) fn read_trajectory(
    files: &MeasurementFiles,
    location: &ArrayLocation,
    frames: usize,
) -> Result<(TrajectoryFile, Columns)> {
    if is_pulseq(&location.path) {
        return pulseq_trajectory::read(files, location);
    }
    let tells_itself = files.trajectory_axes.is_none()
        && files.columns.is_none()
        && files.unit.is_none()
        && files.weights.is_none()
        && is_trajectory_file(location);
    if tells_itself {
        let file = TrajectoryFile::read(&location.path)?;
        let columns = Columns::own(file.positions.len_of(Axis(2)));
        return Ok((file, columns));
    }
    let entry = location.read()?;
    let (path, key) = (entry.path.clone(), entry.key.clone());
    let is_bart = CflFile::is_named_by(&location.path);
    let (values, own_order, x_first) = real_positions(entry, is_bart, frames)?;
    let order = files.trajectory_axes.clone().or(own_order).ok_or_else(|| Error::Convention {
        setting: "trajectory_axes",
        problem: format!(
            "expected the names of the axes of {location} {:?}, slowest first: frame, shot, sample, column, or 1",
            values.shape()
        ),
    })?;
    let arranged = order.arrange(values, &TRAJECTORY).map_err(convention("trajectory_axes", location))?;
    let arranged = arranged
        .into_dimensionality::<Ix3>()
        .map_err(|error| Error::Convention { setting: "trajectory_axes", problem: error.to_string() })?;
    let count = arranged.len_of(Axis(2));
    let own_columns = if x_first { Columns::x_first(count) } else { Columns::own(count) };
    let columns = files.columns.clone().unwrap_or(own_columns);
    if !(2..=3).contains(&count) || columns.count() != count {
        let expected = match &files.columns {
            Some(columns) => format!("{} columns ({columns})", columns.count()),
            None => "2 or 3 columns (kx, ky, kz); name the axes if they are in another order".into(),
        };
        return Err(FileError::unexpected(&path, &key, expected, format!("{count} columns ({order})")).into());
    }
    let unit = files.unit.unwrap_or(if is_bart { PositionUnit::Grid } else { PositionUnit::CyclesPerPixel });
    let positions = in_cycles(arranged.view(), &columns, unit, files).map_err(|problem| match problem {
        Problem::Setting(setting, problem) => Error::Convention { setting, problem },
        Problem::Values(expected, got) => FileError::unexpected(&path, &key, expected, got).into(),
    })?;
    let weights = files.weights.as_ref().map(|weights| read_weights(weights, &order, &positions)).transpose()?;
    Ok((TrajectoryFile { positions, weights }, columns))
}

/// What is wrong with positions: a setting is missing, or their values are not those of the unit.
pub(super) enum Problem {
    Setting(&'static str, String),
    Values(String, String),
}

/// Positions (frame, sample, axis) of the image's axes in cycles per pixel. A third axis without any extent is left out of a plane.
pub(super) fn in_cycles(
    positions: ArrayView3<'_, f64>,
    columns: &Columns,
    unit: PositionUnit,
    files: &MeasurementFiles,
) -> std::result::Result<Array3<f64>, Problem> {
    let mut sources = columns.sources();
    let is_flat = |column: usize| positions.index_axis(Axis(2), column).iter().all(|position| *position == 0.0);
    let is_plane = files.image.is_none_or(|image| !image.is_volume());
    if sources.len() == 3 && is_plane && is_flat(sources[0].0) {
        sources.remove(0);
    }
    let axes = sources.len();
    let factors: Vec<f64> = (0..axes)
        .map(|axis| {
            let from_the_end = axes - 1 - axis;
            let nth = |lengths: &[usize]| lengths.iter().rev().nth(from_the_end).copied();
            let pixels = files.image.as_ref().and_then(|image| nth(image.lengths()));
            let voxel = files.voxel.as_ref().and_then(|sides| sides.iter().rev().nth(from_the_end).or(sides.first()));
            if unit == PositionUnit::Grid && pixels.is_none() {
                let problem =
                    format!("expected the size of the image with {axes} axes, which positions in the unit {unit} need");
                return Err(Problem::Setting("image_size", problem));
            }
            unit.factor(pixels.unwrap_or(1), voxel.copied()).ok_or_else(|| {
                let problem = format!("expected the sides of a voxel in mm, which positions in the unit {unit} need");
                Problem::Setting("voxel_size", problem)
            })
        })
        .collect::<std::result::Result<_, _>>()?;
    let (frames, samples, _) = positions.dim();
    let cycles = Array3::from_shape_fn((frames, samples, axes), |(frame, sample, axis)| {
        let (column, sign) = sources[axis];
        positions[[frame, sample, column]] * sign * factors[axis]
    });
    check_cycles(&cycles, positions, unit, files.image.as_ref())?;
    // Rounding may have put positions beyond the edge, and operators accept no others.
    Ok(cycles.mapv_into(|position| position.clamp(-0.5, 0.5)))
}

/// Positions in cycles per pixel that rounding has put beyond the edge at the edge.
///
/// # Errors
/// The largest position, when it is beyond the edge by more than that.
pub(super) fn on_the_edge(cycles: Array3<f64>) -> std::result::Result<Array3<f64>, f64> {
    let most = cycles.iter().fold(0.0f64, |most, position| most.max(position.abs()));
    match most <= 0.5 + ROUNDING {
        true => Ok(cycles.mapv_into(|position| position.clamp(-0.5, 0.5))),
        false => Err(most),
    }
}

fn check_cycles(
    cycles: &Array3<f64>,
    positions: ArrayView3<'_, f64>,
    unit: PositionUnit,
    image: Option<&ImageShape>,
) -> std::result::Result<(), Problem> {
    let largest = |values: &mut dyn Iterator<Item = &f64>| values.fold(0.0f64, |most, value| most.max(value.abs()));
    let (most, raw) = (largest(&mut cycles.iter()), largest(&mut positions.iter()));
    if most > 0.5 + ROUNDING {
        let expected = format!("positions within half a cycle per pixel, if their unit is {unit}");
        let units = image.map_or(vec!["radians", "grid", "1/m"], |image| PositionUnit::that_fit(raw, image));
        let got =
            format!("up to {raw} in the file, {most:.4} cycles per pixel; units that could be: {}", units.join(", "));
        return Err(Problem::Values(expected, got));
    }
    if cycles.len() > 3 && most == 0.0 {
        return Err(Problem::Values("positions all over k-space".into(), "zeros only".into()));
    }
    Ok(())
}

/// Real positions, the axes that they have where the user says nothing, and whether their first column is that of x.
fn real_positions(entry: ArrayEntry, is_bart: bool, frames: usize) -> Result<(ArrayD<f64>, Option<AxisOrder>, bool)> {
    let (path, key) = (entry.path.clone(), entry.key.clone());
    let is_complex = matches!(entry.array, AnyArray::Complex32(_) | AnyArray::Complex64(_));
    if !is_complex {
        let values = entry.read::<f64, IxDyn>("positions")?;
        let own = match values.ndim() {
            2 => Some(AxisOrder::of(&["sample", "column"])),
            3 => Some(AxisOrder::of(&["frame", "sample", "column"])),
            _ => None,
        };
        return Ok((values, own, false));
    }
    let values = entry.read::<num_complex::Complex64, IxDyn>("positions")?;
    if !is_bart {
        // kx + i ky, a custom of MATLAB programs.
        let own = match values.ndim() {
            1 => Some(AxisOrder::of(&["sample", "column"])),
            2 => Some(AxisOrder::of(&["frame", "sample", "column"])),
            _ => None,
        };
        let parts = [values.mapv(|value| value.re), values.mapv(|value| value.im)];
        let views = [parts[0].view(), parts[1].view()];
        let last = Axis(values.ndim());
        let joined =
            ndarray::stack(last, &views).map_err(|error| FileError::unexpected(&path, &key, "positions", error))?;
        return Ok((joined, own, true));
    }
    if values.iter().any(|value| value.im != 0.0) {
        return Err(FileError::unexpected(&path, &key, "real positions", "imaginary parts").into());
    }
    let own = bart_axes("column", "sample", frames, values.ndim());
    Ok((values.mapv(|value| value.re), Some(own), true))
}

pub(super) fn read_weights(
    location: &ArrayLocation,
    order: &AxisOrder,
    positions: &Array3<f64>,
) -> Result<Array2<f64>> {
    let entry = location.read()?;
    let (path, key) = (entry.path.clone(), entry.key.clone());
    let values = match &entry.array {
        AnyArray::Complex32(_) | AnyArray::Complex64(_) => {
            entry.read::<Complex32, IxDyn>("weights")?.mapv(|value| f64::from(value.re))
        }
        _ => entry.read::<f64, IxDyn>("weights")?,
    };
    let shape = values.shape().to_vec();
    let names: Vec<&str> = order.names().iter().map(String::as_str).filter(|name| *name != "column").collect();
    let order = if values.ndim() == 1 { AxisOrder::of(&["sample"]) } else { AxisOrder::of(&names) };
    let arranged = order.arrange(values, &WEIGHTS).map_err(convention("trajectory_axes", location))?;
    let (frames, samples, _) = positions.dim();
    let expected = format!("{samples} weights, or {frames} x {samples}, at least 0 and not all of them 0");
    let unexpected = |got: String| FileError::unexpected(&path, &key, &expected, got).into();
    let weights = arranged.into_dimensionality::<Ix2>().map_err(|_| unexpected(format!("{shape:?}")))?;
    let fits = weights.ncols() == samples && (weights.nrows() == 1 || weights.nrows() == frames);
    match weights.iter().find(|weight| **weight < 0.0) {
        _ if !fits => Err(unexpected(format!("{shape:?}"))),
        Some(weight) => Err(unexpected(weight.to_string())),
        None if weights.iter().all(|weight| *weight == 0.0) => Err(unexpected("zeros only".into())),
        None => Ok(weights),
    }
}

/// Whether the file is a trajectory in a form that needs no words: Diph's own, or that of the Python code.
fn is_trajectory_file(location: &ArrayLocation) -> bool {
    if location.key.is_some() || CflFile::is_named_by(&location.path) {
        return false;
    }
    let has = |names: &[&str]| {
        let keys = ArrayLocation::keys(&location.path).unwrap_or_default();
        names.iter().all(|name| keys.iter().any(|key| key == name))
    };
    match ArrayFile::of_content(&location.path) {
        Ok(ArrayFile::Npz) => has(&["trajectory"]),
        Ok(ArrayFile::Mat) => has(&["traj", "dcf"]),
        Err(_) => false,
    }
}

/// Dimensions of BART that may count frames: echoes, repetitions, and the spokes where there is one in each frame.
const BART_FRAMES: [usize; 3] = [5, 10, 2];

/// The dimension of BART that counts frames in these files: the first of [`BART_FRAMES`] that is longer than 1 in any of them.
pub(super) fn frame_dimension(locations: [&ArrayLocation; 2]) -> Result<usize> {
    let is_bart = |location: &&&ArrayLocation| CflFile::is_named_by(&location.path);
    let pairs = locations.iter().filter(is_bart).map(|location| CflFile::open(&location.path));
    let pairs = pairs.collect::<Result<Vec<CflFile>, FileError>>()?;
    let counts = |dimension: &&usize| pairs.iter().any(|pair| pair.dimensions()[**dimension] > 1);
    Ok(BART_FRAMES.iter().find(counts).copied().unwrap_or(2))
}

/// Names of BART's dimensions as the axes of an array in memory, of which there are `count`.
fn bart_axes(first: &str, second: &str, frames: usize, count: usize) -> AxisOrder {
    let name = |dimension| match dimension {
        0 => first,
        1 => second,
        _ if dimension == frames => "frame",
        2 => "shot",
        3 => "coil",
        13 => "slice",
        _ => "1",
    };
    AxisOrder::of(&(0..count).rev().map(name).collect::<Vec<_>>())
}

fn convention(setting: &'static str, location: &ArrayLocation) -> impl Fn(String) -> Error {
    let location = location.to_string();
    move |problem| Error::Convention { setting, problem: format!("{location}: {problem}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diph_formats::{NpzWriter, write_cfl, write_npy};
    use std::path::Path;

    fn at(folder: &Path, name: &str) -> ArrayLocation {
        folder.join(name).display().to_string().parse().unwrap()
    }

    /// Two frames of three samples at (kx, ky) = (sample, frame) / 10.
    fn position(frame: usize, sample: usize) -> [f64; 2] {
        [sample as f64 / 10.0, frame as f64 / 10.0]
    }

    #[test]
    fn the_same_measurement_in_several_conventions() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let value =
            |coil: usize, frame: usize, sample: usize| Complex32::new(coil as f32, (10 * frame + sample) as f32);
        let kspace = Array3::from_shape_fn((2, 2, 3), |(coil, frame, sample)| value(coil, frame, sample));
        let x_first = Array3::from_shape_fn((2, 3, 2), |(frame, sample, column)| position(frame, sample)[column]);
        write_npy(path("k.npy"), kspace.view()).unwrap();
        write_npy(path("sample_last.npy"), kspace.view().permuted_axes([2, 0, 1])).unwrap();
        write_npy(path("own.npy"), x_first.slice(ndarray::s![.., .., ..;-1])).unwrap();
        write_npy(path("radians.npy"), x_first.mapv(|position| position * std::f64::consts::TAU).view()).unwrap();
        write_npy(path("metres.npy"), x_first.mapv(|position| -position * 500.0).view().permuted_axes([2, 1, 0]))
            .unwrap();
        let complex = Array2::from_shape_fn((2, 3), |(frame, sample)| {
            let [x, y] = position(frame, sample);
            num_complex::Complex64::new(x, y)
        });
        NpzWriter::new().with("k", kspace.view()).with("t", complex.view()).write(path("both.npz")).unwrap();
        // BART: (1, sample, spoke, coil) and (3, sample, spoke) in cycles per field of view of 20 pixels.
        let bart = kspace.view().insert_axis(Axis(3));
        write_cfl(path("bart_k"), bart).unwrap();
        let grid = Array3::from_shape_fn((2, 3, 3), |(frame, sample, column)| {
            Complex32::from(position(frame, sample).get(column).map_or(0.0, |position| 20.0 * *position as f32))
        });
        write_cfl(path("bart_t"), grid.view()).unwrap();

        let plain = MeasurementFiles {
            trajectory: Some(at(folder.path(), "own.npy")),
            image: Some(ImageShape::plane(20, 20)),
            voxel: Some(vec![0.002]),
            ..MeasurementFiles::of_kspace(at(folder.path(), "k.npy"))
        };
        let columns = Some("kx,ky".parse().unwrap());
        let variants = [
            plain.clone(),
            MeasurementFiles {
                kspace: at(folder.path(), "sample_last.npy"),
                kspace_axes: Some("sample,coil,frame".parse().unwrap()),
                trajectory: Some(at(folder.path(), "radians.npy")),
                unit: Some(PositionUnit::Radians),
                columns: columns.clone(),
                ..plain.clone()
            },
            MeasurementFiles {
                trajectory: Some(at(folder.path(), "metres.npy")),
                trajectory_axes: Some("column,sample,frame".parse().unwrap()),
                columns: Some("-kx,-ky".parse().unwrap()),
                unit: Some(PositionUnit::PerMetre),
                ..plain.clone()
            },
            MeasurementFiles {
                kspace: at(folder.path(), "both.npz:k"),
                trajectory: Some(at(folder.path(), "both.npz:t")),
                ..plain.clone()
            },
            MeasurementFiles {
                kspace: at(folder.path(), "bart_k"),
                trajectory: Some(at(folder.path(), "bart_t")),
                ..plain.clone()
            },
        ];
        for files in variants {
            let read = files.read().unwrap();
            assert_eq!(read.ids(), [SliceId::new(0, 0)]);
            assert_eq!(read.slices[0].1, kspace, "{files:?}");
            for ((frame, sample, axis), found) in read.trajectory.positions.indexed_iter() {
                let expected = position(frame, sample)[1 - axis];
                assert!((found - expected).abs() < 1e-6, "{frame} {sample} {axis}: {found}, {expected}, {files:?}");
            }
        }
    }

    #[test]
    fn errors_say_what_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write_npy(path("k.npy"), Array4::<Complex32>::zeros((2, 3, 4, 5)).view()).unwrap();
        write_npy(path("k2.npy"), Array2::<Complex32>::zeros((4, 5)).view()).unwrap();
        write_npy(path("t.npy"), Array3::from_elem((4, 5, 2), 12.0).view()).unwrap();
        write_npy(path("w.npy"), Array2::from_elem((4, 6), 1.0).view()).unwrap();
        let files = MeasurementFiles {
            trajectory: Some(at(folder.path(), "t.npy")),
            image: Some(ImageShape::plane(32, 32)),
            ..MeasurementFiles::of_kspace(at(folder.path(), "k2.npy"))
        };
        let message = |files: MeasurementFiles| files.read().unwrap_err().to_string();
        assert!(
            message(files.clone())
                .contains("up to 12 in the file, 12.0000 cycles per pixel; units that could be: grid, 1/m")
        );
        let metres = MeasurementFiles { unit: Some(PositionUnit::PerMetre), ..files.clone() };
        assert!(message(metres).starts_with("voxel_size: expected the sides of a voxel in mm"));
        let no_image = MeasurementFiles { unit: Some(PositionUnit::Grid), image: None, ..files.clone() };
        assert!(message(no_image).starts_with("image_size: expected the size of the image"));
        let four = MeasurementFiles { kspace: at(folder.path(), "k.npy"), ..files.clone() };
        assert!(message(four).contains("expected the names of the 4 axes"));
        let turned =
            MeasurementFiles { trajectory_axes: Some("column,sample,frame".parse().unwrap()), ..files.clone() };
        assert!(message(turned).contains("got 4 columns (column,sample,frame)"));
        let weighted = MeasurementFiles {
            unit: Some(PositionUnit::Grid),
            weights: Some(at(folder.path(), "w.npy")),
            ..files.clone()
        };
        assert!(message(weighted).contains("key `w`: expected 5 weights, or 4 x 5"));
        let counted = MeasurementFiles { frame_counter: Some(crate::FrameCounter::Set), ..files.clone() };
        assert!(message(counted).starts_with("frame_counter: has no effect but on"));
        assert!(
            message(MeasurementFiles { trajectory: None, ..files }).starts_with("trajectory: expected the positions")
        );
    }
}
