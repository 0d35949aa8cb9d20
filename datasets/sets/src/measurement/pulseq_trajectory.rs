//! Positions from a Pulseq sequence: where its gradients are while it reads.

use std::path::Path;

use diph_core::ImageShape;
use diph_formats::{ArrayLocation, Error as FileError, read_text};
use diph_pulseq::{Playback, PulseqFile};
use ndarray::{Array3, Axis};

use super::plain_arrays::{self, Problem};
use super::{AxisOrder, Columns, MeasurementFiles, PositionUnit};
use crate::{Error, Result, TrajectoryFile};

const FORMAT: &str = "Pulseq file";

/// The most positions of one trajectory: 3 GB of numbers.
const MOST_POSITIONS: usize = 1 << 27;

/// Positions along z of a plane that are this share of those in the plane, or less, come from rounding in the file.
const FLAT: f64 = 0.01;

/// Whether a file is a Pulseq sequence, by its name.
pub fn is_pulseq(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("seq"))
}

/// Reads a Pulseq sequence.
///
/// # Errors
/// [`Error::File`] when it cannot be read, or what is wrong with it and in which line.
pub fn read_pulseq(path: &Path) -> Result<PulseqFile> {
    let text = read_text(path).map_err(|error| FileError::read(path, error))?;
    Ok(PulseqFile::parse(text.as_bytes()).map_err(|problem| FileError::malformed(path, FORMAT, problem))?)
}

/// Positions (readout, sample, column) of the readouts of an image in 1/m, with the columns kx, ky, kz.
fn positions(path: &Path, file: &PulseqFile) -> Result<Array3<f64>> {
    let play = Playback::of(file);
    let readouts: Vec<_> = play.readouts().iter().filter(|readout| readout.is_imaging).collect();
    let unexpected = |expected: String, got: String| FileError::unexpected(path, "[ADC]", expected, got);
    let samples = readouts.first().map_or(0, |readout| readout.adc.samples);
    let count = readouts.len().saturating_mul(samples);
    if !(1..=MOST_POSITIONS).contains(&count) {
        let got = format!("{} readouts of {samples} samples", readouts.len());
        return Err(unexpected(format!("1 to {MOST_POSITIONS} samples after a pulse"), got).into());
    }
    if let Some(other) = readouts.iter().find(|readout| readout.adc.samples != samples) {
        let expected = format!("{samples} samples in every readout of the image");
        return Err(unexpected(expected, format!("{} in block {}", other.adc.samples, other.block + 1)).into());
    }
    let flat = readouts.iter().flat_map(|readout| play.positions(readout)).flatten().collect();
    let positions = Array3::from_shape_vec((readouts.len(), samples, 3), flat);
    Ok(positions.map_err(|error| unexpected("positions of every sample".into(), error.to_string()))?)
}

/// Sides of a voxel in metres along the axes of the image, from the field of view of the sequence.
fn voxel_of(file: &PulseqFile, image: &ImageShape) -> Option<Vec<f64>> {
    let view = file.numbers("FOV").filter(|view| view.len() == 3 && view.iter().all(|side| *side > 0.0))?;
    let lengths = image.lengths();
    Some(lengths.iter().enumerate().map(|(axis, length)| view[lengths.len() - 1 - axis] / *length as f64).collect())
}

/// The trajectory of a sequence, whose readouts are one frame each.
pub(super) fn read(files: &MeasurementFiles, location: &ArrayLocation) -> Result<(TrajectoryFile, Columns)> {
    const BUT: &str = "but on an array of positions, and a sequence says it itself";
    plain_arrays::check_used("trajectory_axes", files.trajectory_axes.is_some(), BUT)?;
    plain_arrays::check_used("trajectory_unit", files.unit.is_some(), BUT)?;
    let path = &location.path;
    let file = read_pulseq(path)?;
    let mut positions = positions(path, &file)?;
    if files.image.is_some_and(|image| !image.is_volume()) {
        let most = |positions: &Array3<f64>, column| {
            positions.index_axis(Axis(2), column).iter().fold(0.0f64, |most, position| most.max(position.abs()))
        };
        if most(&positions, 2) <= FLAT * most(&positions, 0).max(most(&positions, 1)) {
            positions.index_axis_mut(Axis(2), 2).fill(0.0);
        }
    }
    let columns = files.columns.clone().unwrap_or_else(|| Columns::x_first(3));
    let voxel = files.voxel.clone().or_else(|| voxel_of(&file, files.image.as_ref()?));
    let known = MeasurementFiles { voxel, ..files.clone() };
    let positions =
        plain_arrays::in_cycles(positions.view(), &columns, PositionUnit::PerMetre, &known).map_err(|problem| {
            match problem {
                Problem::Setting(setting, problem) => Error::Convention { setting, problem },
                Problem::Values(expected, got) => FileError::unexpected(path, "[ADC]", expected, got).into(),
            }
        })?;
    let order = AxisOrder::of(&["frame", "sample", "column"]);
    let weights = files.weights.as_ref();
    let weights = weights.map(|weights| plain_arrays::read_weights(weights, &order, &positions)).transpose()?;
    Ok((TrajectoryFile { positions, weights }, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str) -> ArrayLocation {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers");
        ArrayLocation::of_file(folder.join(name))
    }

    #[test]
    fn positions_of_a_sequence_are_in_cycles_per_pixel() {
        let image = Some(ImageShape::plane(128, 100));
        let files = MeasurementFiles { image, ..MeasurementFiles::of_kspace(ArrayLocation::of_file("k.npy")) };
        let (trajectory, columns) = read(&files, &peer("pulseq_15.seq")).unwrap();
        assert_eq!((trajectory.positions.dim(), columns.count()), ((3, 40, 2), 3));
        let text = read_text(peer("pulseq_15.txt").path).unwrap();
        let of_peer: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
        for ((frame, sample, axis), position) in trajectory.positions.indexed_iter() {
            // Along y, then x, in voxels of 200 mm / 128 and 200 mm / 100.
            let expected = of_peer[3 * (40 * frame + sample) + 1 - axis] * [0.2 / 128.0, 0.2 / 100.0][axis];
            assert!((position - expected).abs() < 1e-5);
        }
    }

    #[test]
    fn what_a_sequence_says_itself_is_not_said_again() {
        let files = MeasurementFiles {
            unit: Some(PositionUnit::Radians),
            ..MeasurementFiles::of_kspace(ArrayLocation::of_file("k.npy"))
        };
        let message = read(&files, &peer("pulseq_15.seq")).unwrap_err().to_string();
        assert!(message.starts_with("trajectory_unit: has no effect"), "{message}");
    }
}
