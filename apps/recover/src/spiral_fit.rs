//! The march outwards from the centre of k-space, and the rounds of fitting after it.

use nalgebra::{Matrix3, Vector3};
use ndarray::Array2;
use num_complex::Complex32;
use rayon::prelude::*;

use crate::arm_filter::{ArmFilter, Information, SmoothedArm};
use crate::basis_fit::{BasisFit, FittedBasis};
use crate::measured_slices::MeasuredSlices;
use crate::start::{Start, start};
use crate::{RecoverError, Result};

/// Gauss-Newton steps at every sample of the march.
const STEPS: usize = 3;
/// Most rounds of fitting basis and arm in turn.
const MOST_ROUNDS: usize = 30;
/// The rounds end when no position moves by more than this, in cycles per field of view.
const STILL: f64 = 1e-4;

/// Arm, angle and basis that explain a measurement.
pub struct SpiralFit {
    /// The arm of the first frame, and the angle between frames.
    pub arm: SmoothedArm,
    /// The temporal basis.
    pub basis: FittedBasis,
    /// Standard deviation of the noise of a complex sample.
    pub noise: f64,
    /// Rounds that were needed after the march.
    pub rounds: usize,
}

/// Fits arm, angle and basis.
///
/// # Errors
/// [`RecoverError::Undetermined`] when the measurement does not hold enough, [`RecoverError::Cancelled`] when `is_cancelled`
/// says so.
pub fn fit(measured: &MeasuredSlices, is_cancelled: &(dyn Fn() -> bool + Sync)) -> Result<SpiralFit> {
    let check = || if is_cancelled() { Err(RecoverError::Cancelled) } else { Ok(()) };
    let mut variance = measured.outer_power();
    let beginning = start(measured, variance)?;
    let mut arm = march(measured, &beginning, variance, &check)?;
    let mut rounds = 0;
    loop {
        check()?;
        let basis = fit_basis(measured, &arm, variance)?;
        variance = residual_variance(measured, &arm, &basis.basis);
        let next = fit_arm(measured, &beginning, &arm, &basis.basis, variance)?;
        let moved = largest_step(&arm, &next);
        arm = next;
        rounds += 1;
        if moved < STILL || rounds == MOST_ROUNDS {
            return Ok(SpiralFit { arm, basis, noise: variance.sqrt(), rounds });
        }
    }
}

/// Position (y, x) in a frame of a place of the first frame's arm.
pub fn turned(place: [f64; 2], angle: f64) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [cos * place[0] + sin * place[1], cos * place[1] - sin * place[0]]
}

/// Follows the arm from the centre and fits the basis along the way.
fn march(
    measured: &MeasuredSlices,
    beginning: &Start,
    variance: f64,
    check: &dyn Fn() -> Result<()>,
) -> Result<SmoothedArm> {
    let mut filter = new_filter(measured, beginning);
    let mut fit = BasisFit::new(measured);
    let mut basis = beginning.basis.clone();
    let mut points = measured.points();
    for sample in 0..measured.samples() {
        check()?;
        let place = filter.advance(STEPS, |at| information(measured, &basis, sample, at, variance))?;
        for frame in 0..measured.frames() {
            measured.read_spectrum(turned([place[0], place[1]], place[2] * frame as f64), &mut points);
            fit.add(measured, frame, sample, &points);
        }
        basis = fit.solve(variance)?.basis;
    }
    filter.smooth()
}

fn new_filter(measured: &MeasuredSlices, beginning: &Start) -> ArmFilter {
    let (rotation, deviation) = (beginning.rotation, beginning.rotation_deviation);
    ArmFilter::new(measured.samples(), measured.field_of_view(), rotation, deviation)
}

/// The basis for known positions.
fn fit_basis(measured: &MeasuredSlices, arm: &SmoothedArm, variance: f64) -> Result<FittedBasis> {
    let mut fit = BasisFit::new(measured);
    let mut points = measured.points();
    for frame in 0..measured.frames() {
        for (sample, place) in arm.positions.iter().enumerate() {
            measured.read_spectrum(turned(*place, arm.rotation * frame as f64), &mut points);
            fit.add(measured, frame, sample, &points);
        }
    }
    fit.solve(variance)
}

/// The arm for a known basis: one Gauss-Newton step from where it was, then smoothed.
fn fit_arm(
    measured: &MeasuredSlices,
    beginning: &Start,
    arm: &SmoothedArm,
    basis: &Array2<f64>,
    variance: f64,
) -> Result<SmoothedArm> {
    let about = |(sample, place): (usize, &[f64; 2])| {
        information(measured, basis, sample, Vector3::new(place[0], place[1], arm.rotation), variance)
    };
    let informations: Vec<Information> = arm.positions.par_iter().enumerate().map(about).collect();
    let mut filter = new_filter(measured, beginning);
    for information in informations {
        filter.advance(1, |_| information)?;
    }
    filter.smooth()
}

/// What one sample of all frames and slices says about the arm.
fn information(
    measured: &MeasuredSlices,
    basis: &Array2<f64>,
    sample: usize,
    at: Vector3<f64>,
    variance: f64,
) -> Information {
    let mut hessian = Matrix3::zeros();
    let mut gradient = Vector3::zeros();
    let mut points = measured.points();
    for (frame, row) in basis.outer_iter().enumerate() {
        let place = turned([at[0], at[1]], at[2] * frame as f64);
        let (sin, cos) = (at[2] * frame as f64).sin_cos();
        measured.read_spectrum(place, &mut points);
        for (slice, spectra) in points.chunks_exact(measured.coefficients()).enumerate() {
            let [mut value, mut along_y, mut along_x] = [Complex32::default(); 3];
            for (point, weight) in spectra.iter().zip(row) {
                let weight = *weight as f32;
                value += point.value * weight;
                along_y += point.gradient[0] * weight;
                along_x += point.gradient[1] * weight;
            }
            let [sin, cos] = [sin as f32, cos as f32];
            let swing = (along_y * place[1] as f32 - along_x * place[0] as f32) * frame as f32;
            let slopes = [along_y * cos - along_x * sin, along_y * sin + along_x * cos, swing];
            let residual = measured.measured(slice, frame, sample) - value;
            let product = |a: Complex32, b: Complex32| f64::from((a.conj() * b).re);
            hessian += Matrix3::from_fn(|i, j| product(slopes[i], slopes[j]));
            gradient += Vector3::from_fn(|i, _| product(slopes[i], residual));
        }
    }
    // The variance of a whole complex sample is twice that of its parts.
    let weight = 2.0 / variance;
    Information { at, hessian: hessian * weight, gradient: gradient * weight }
}

/// Variance of a complex sample around the fit, for as many parameters as were fitted.
fn residual_variance(measured: &MeasuredSlices, arm: &SmoothedArm, basis: &Array2<f64>) -> f64 {
    let squares = |(frame, row): (usize, ndarray::ArrayView1<'_, f64>)| -> f64 {
        let mut points = measured.points();
        let mut sum = 0.0;
        for (sample, place) in arm.positions.iter().enumerate() {
            measured.read_spectrum(turned(*place, arm.rotation * frame as f64), &mut points);
            for (slice, spectra) in points.chunks_exact(measured.coefficients()).enumerate() {
                let value: Complex32 =
                    spectra.iter().zip(row).map(|(point, weight)| point.value * *weight as f32).sum();
                sum += f64::from((measured.measured(slice, frame, sample) - value).norm_sqr());
            }
        }
        sum
    };
    let sum: f64 = basis.outer_iter().enumerate().map(squares).sum();
    let samples = measured.slices() * measured.frames() * measured.samples();
    // Every real parameter takes half a complex sample.
    let parameters = basis.len() / 2 + measured.samples();
    sum / samples.saturating_sub(parameters).max(1) as f64
}

/// The farthest that a position of any frame moved.
fn largest_step(before: &SmoothedArm, after: &SmoothedArm) -> f64 {
    let steps = before.positions.iter().zip(&after.positions).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]));
    steps.fold(0.0, f64::max)
}
