//! The whole: from a data folder to an acquisition.

use diph_datasets::{DatasetFolder, DictionaryFile, SliceId, TrajectoryFile};
use diph_nufft::{Trajectory, density};
use ndarray::{Array2, Array3, Axis};
use serde::Serialize;

use crate::atoms::AtomTable;
use crate::measured_slices::MeasuredSlices;
use crate::spiral_fit::{SpiralFit, fit, turned};
use crate::{RecoverError, Result};

/// Columns of a temporal basis have the length 1; noise shortens them.
const LONGEST_COLUMN: f64 = 1.5;

/// An acquisition that explains a measurement, and how well it is known.
pub struct RecoveredAcquisition {
    /// One interleaf a frame, with density compensation by area.
    pub trajectory: TrajectoryFile,
    /// Dictionary and temporal basis.
    pub dictionary: DictionaryFile,
    /// How well trajectory and basis are known: residuals and their sizes.
    pub report: RecoveryReport,
}

/// How well a recovered acquisition is known, as far as the measurement itself can tell.
#[derive(Clone, Debug, Serialize)]
pub struct RecoveryReport {
    /// Slices whose k-space and image were used, as `vol0_slice5`.
    pub slices: Vec<String>,
    /// Angle from one frame to the next in radians.
    pub rotation: f64,
    /// Standard error of the angle if the basis were known; the true one is larger.
    pub rotation_error: f64,
    /// Standard deviation of the noise of a complex sample of k-space.
    pub noise: f64,
    /// Root mean square over samples of the positions' standard errors, in cycles per field of view, if the basis were known; the
    /// true one is a little larger.
    pub position_error: f64,
    /// For every coefficient, the standard error of the temporal basis's column; the column itself has unit length.
    pub basis_errors: Vec<f64>,
    /// Largest deviation of `V^T V` from the identity.
    pub basis_orthonormality: f64,
    /// Atoms that come from an image.
    pub measured_atoms: usize,
    /// Atoms that were interpolated, because their T1 and T2 occur in maps without an image only.
    pub interpolated_atoms: usize,
    /// Median relative error of interpolation, at measured atoms that were left out for it.
    pub interpolation_error: Option<f64>,
    /// Rounds of fitting after the march.
    pub rounds: usize,
}

/// Recovers trajectory, basis and dictionary of a cut from all slices of the folder that have k-space, reference TSMI and maps.
///
/// The first sample of a readout has to lie at the centre of k-space, frames have to be turned by a constant angle, and there
/// has to be one coil. Density compensation is by area, in squares of cycles per pixel: the scale that the makers of the data
/// gave theirs cannot be known from k-space.
///
/// # Errors
/// [`RecoverError::NoSlices`], [`RecoverError::Slice`] and [`RecoverError::Dataset`] for files that are missing or do not fit,
/// [`RecoverError::Undetermined`] when they do not hold enough, [`RecoverError::Cancelled`] when `is_cancelled` says so.
pub fn recover(
    folder: &DatasetFolder,
    cut: usize,
    is_cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<RecoveredAcquisition> {
    let with_images = folder.slices_with_reference_tsmi(cut)?;
    let with_maps = folder.slices_with_maps()?;
    let complete = |slice: &SliceId| with_images.contains(slice) && with_maps.contains(slice);
    let slices: Vec<SliceId> = folder.slices_with_kspace(cut)?.into_iter().filter(complete).collect();
    let measured = MeasuredSlices::read(folder, &slices, cut)?;
    let fitted = fit(&measured, is_cancelled)?;
    if is_cancelled() {
        return Err(RecoverError::Cancelled);
    }
    check_lengths(&fitted.basis.basis)?;
    let atoms = AtomTable::read(folder, &slices, cut)?.atoms()?;
    let trajectory = trajectory(&measured, &fitted)?;
    let SpiralFit { arm, basis, noise, rounds } = fitted;
    let frames = basis.basis.nrows() as f64;
    let report = RecoveryReport {
        slices: slices.iter().map(SliceId::to_string).collect(),
        rotation: arm.rotation,
        rotation_error: arm.rotation_error,
        noise,
        position_error: (arm.errors.iter().map(|error| error * error).sum::<f64>() / arm.errors.len() as f64).sqrt(),
        basis_errors: basis.errors.iter().map(|error| error * frames.sqrt()).collect(),
        basis_orthonormality: orthonormality(&basis.basis),
        measured_atoms: atoms.measured,
        interpolated_atoms: atoms.lut.nrows() - atoms.measured,
        interpolation_error: atoms.interpolation_error,
        rounds,
    };
    Ok(RecoveredAcquisition { trajectory, dictionary: atoms.dictionary(basis.basis), report })
}

fn trajectory(measured: &MeasuredSlices, fitted: &SpiralFit) -> Result<TrajectoryFile> {
    let arm = &fitted.arm;
    let positions = Array3::from_shape_fn((measured.frames(), measured.samples(), 2), |(frame, sample, axis)| {
        let place = turned(arm.positions[sample], arm.rotation * frame as f64);
        let position = place[axis] / measured.field_of_view();
        // Positions are periodic; an arm that ends at the edge of k-space may pass it by an error.
        position - position.round()
    });
    let refused = |error: diph_core::Error| RecoverError::Undetermined {
        step: "writing down the trajectory",
        reason: error.to_string(),
    };
    let first = Trajectory::new(positions.slice(ndarray::s![..1, .., ..]).to_owned()).map_err(refused)?;
    // All frames are the same arm, turned, and share the area that it sweeps.
    let weights = density::by_area(&first).mapv(|area| f64::from(area) / measured.frames() as f64);
    Ok(TrajectoryFile { positions, weights: Some(weights) })
}

/// Largest deviation of `V^T V` from the identity.
fn orthonormality(basis: &Array2<f64>) -> f64 {
    let product = basis.t().dot(basis);
    product.indexed_iter().map(|((k, l), value)| (value - f64::from(u8::from(k == l))).abs()).fold(0.0, f64::max)
}

/// Fails when the fit ran away: wrong positions are made up for by a basis out of all proportion.
fn check_lengths(basis: &Array2<f64>) -> Result<()> {
    let longest = basis.axis_iter(Axis(1)).map(|column| column.dot(&column).sqrt()).fold(0.0, f64::max);
    if longest <= LONGEST_COLUMN {
        return Ok(());
    }
    let reason = format!(
        "a column of the temporal basis has the length {longest:.1} where 1 is expected: readouts have to begin at the centre of \
         k-space and to be turned by a constant angle"
    );
    Err(RecoverError::Undetermined { step: "fitting the temporal basis", reason })
}
