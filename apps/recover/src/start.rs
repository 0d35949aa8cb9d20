//! Temporal basis and angle between frames from the centre of k-space.

use std::f64::consts::TAU;

use diph_nufft::SpectrumPoint;
use nalgebra::{Matrix3, Vector3};
use ndarray::Array2;
use num_complex::Complex32;

use crate::Result;
use crate::basis_fit::BasisFit;
use crate::measured_slices::MeasuredSlices;

/// Angles that are tried per width of the peak.
const ANGLES_PER_FRAME: usize = 8;
/// Fewest samples beyond the centre that are looked at.
const FEWEST_SAMPLES: usize = 4;

/// What the centre of k-space tells.
pub struct Start {
    /// (frame, coefficient): the temporal basis.
    pub basis: Array2<f64>,
    /// Angle from one frame to the next in radians, within [0, 2 pi).
    pub rotation: f64,
    /// Standard deviation of the angle: the distance of the angles that were tried.
    pub rotation_deviation: f64,
}

/// Radius in cycles per field of view at which the bend of the spectra is read.
const BEND_RADIUS: f64 = 0.25;

/// One frame near the centre: its signal changes by `J (y, x, c)`, where J holds the derivatives to y and x and the mean change on
/// a circle. The last stands for the fall of the signal in all directions, which real images show before any slope; without it,
/// frames that all lose the same would speak for an angle of 0.
struct Tangent {
    /// `Re J^H J`.
    normal: Matrix3<f64>,
    /// `Re J^H r` for every sample, r the difference to the signal at the centre.
    pull: Vec<Vector3<f64>>,
}

/// Fits the basis to the first sample, which lies at the centre, and finds the angle under which the samples after it agree best
/// over the frames.
///
/// # Errors
/// As [`BasisFit::solve`].
pub fn start(measured: &MeasuredSlices, noise_variance: f64) -> Result<Start> {
    let mut centre = measured.points();
    measured.read_spectrum([0.0, 0.0], &mut centre);
    let mut fit = BasisFit::new(measured);
    (0..measured.frames()).for_each(|frame| fit.add(measured, frame, 0, &centre));
    let basis = fit.solve(noise_variance)?.basis;

    let near = samples_near_the_centre(measured);
    let bend = bend(measured, &centre);
    let tangents: Vec<Tangent> =
        (0..measured.frames()).map(|frame| tangent(measured, &basis, frame, &centre, &bend, near)).collect();

    let angles = ANGLES_PER_FRAME * measured.frames();
    let step = TAU / angles as f64;
    let gains = (0..angles).map(|index| gain(&tangents, near, index as f64 * step));
    let best = gains.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index);
    Ok(Start { basis, rotation: best as f64 * step, rotation_deviation: step })
}

/// Mean change of the spectra from the centre to a circle around it.
fn bend(measured: &MeasuredSlices, centre: &[SpectrumPoint]) -> Vec<Complex32> {
    let mut bend: Vec<Complex32> = centre.iter().map(|point| -point.value).collect();
    let mut points = measured.points();
    for place in [[BEND_RADIUS, 0.0], [-BEND_RADIUS, 0.0], [0.0, BEND_RADIUS], [0.0, -BEND_RADIUS]] {
        measured.read_spectrum(place, &mut points);
        bend.iter_mut().zip(&points).for_each(|(change, point)| *change += point.value * 0.25);
    }
    bend
}

fn tangent(
    measured: &MeasuredSlices,
    basis: &Array2<f64>,
    frame: usize,
    centre: &[SpectrumPoint],
    bend: &[Complex32],
    samples: usize,
) -> Tangent {
    let mut normal = Matrix3::zeros();
    let mut pull = vec![Vector3::zeros(); samples];
    let coefficients = measured.coefficients();
    let product = |a: Complex32, b: Complex32| f64::from((a.conj() * b).re);
    for (slice, (spectra, bend)) in centre.chunks_exact(coefficients).zip(bend.chunks_exact(coefficients)).enumerate() {
        let mut value = Complex32::default();
        let mut slopes = [Complex32::default(); 3];
        for ((point, bend), weight) in spectra.iter().zip(bend).zip(basis.row(frame)) {
            let weight = *weight as f32;
            value += point.value * weight;
            for (slope, part) in slopes.iter_mut().zip([point.gradient[0], point.gradient[1], *bend]) {
                *slope += part * weight;
            }
        }
        normal += Matrix3::from_fn(|i, j| product(slopes[i], slopes[j]));
        for (index, pull) in pull.iter_mut().enumerate() {
            let difference = measured.measured(slice, frame, index + 1) - value;
            *pull += Vector3::from_fn(|i, _| product(slopes[i], difference));
        }
    }
    Tangent { normal, pull }
}

/// Samples after the first whose signal has moved by less than half of it.
fn samples_near_the_centre(measured: &MeasuredSlices) -> usize {
    let moved = |sample: usize| {
        let pairs = (0..measured.slices()).flat_map(|slice| (0..measured.frames()).map(move |frame| (slice, frame)));
        let (distance, size) = pairs.fold((0.0, 0.0), |(distance, size), (slice, frame)| {
            let (here, centre) = (measured.measured(slice, frame, sample), measured.measured(slice, frame, 0));
            (distance + (here - centre).norm_sqr(), size + centre.norm_sqr())
        });
        distance > 0.25 * size
    };
    let last = measured.samples().saturating_sub(1);
    (1..=last).find(|&sample| moved(sample)).unwrap_or(last).max(FEWEST_SAMPLES).min(last)
}

/// By how much the squared residual falls when every sample takes its best displacement, turned by this angle per frame.
fn gain(tangents: &[Tangent], samples: usize, angle: f64) -> f64 {
    let mut normal = Matrix3::zeros();
    let mut pull = vec![Vector3::zeros(); samples];
    for (frame, tangent) in tangents.iter().enumerate() {
        let (sin, cos) = (frame as f64 * angle).sin_cos();
        // Turns (y, x) of the frame back to (y, x) of the first.
        let back = Matrix3::new(cos, -sin, 0.0, sin, cos, 0.0, 0.0, 0.0, 1.0);
        normal += back * tangent.normal * back.transpose();
        pull.iter_mut().zip(&tangent.pull).for_each(|(sum, one)| *sum += back * one);
    }
    let Some(inverse) = normal.try_inverse() else { return 0.0 };
    pull.iter().map(|pull| (pull.transpose() * inverse * pull)[0]).sum()
}
