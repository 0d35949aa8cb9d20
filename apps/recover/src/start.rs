//! Temporal basis and angle between frames from the centre of k-space.

use std::f64::consts::TAU;

use nalgebra::{Matrix2, Rotation2, Vector2};
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

/// One frame near the centre, where its signal is linear in the displacement.
struct Tangent {
    /// `Re J^H J` of the derivatives J to y and x.
    normal: Matrix2<f64>,
    /// `Re J^H r` for every sample, r the difference to the signal at the centre.
    pull: Vec<Vector2<f64>>,
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
    let tangents: Vec<Tangent> = (0..measured.frames())
        .map(|frame| {
            let mut normal = Matrix2::zeros();
            let mut pull = vec![Vector2::zeros(); near];
            for (slice, spectra) in centre.chunks_exact(measured.coefficients()).enumerate() {
                let row = basis.row(frame);
                let sum = |part: &dyn Fn(usize) -> Complex32| -> Complex32 {
                    (0..spectra.len()).map(|k| part(k) * row[k] as f32).sum()
                };
                let value = sum(&|k| spectra[k].value);
                let slopes = [0, 1].map(|axis| sum(&|k| spectra[k].gradient[axis]));
                let product = |a: Complex32, b: Complex32| f64::from((a.conj() * b).re);
                normal += Matrix2::from_fn(|i, j| product(slopes[i], slopes[j]));
                for (index, pull) in pull.iter_mut().enumerate() {
                    let difference = measured.measured(slice, frame, index + 1) - value;
                    *pull += Vector2::from_fn(|i, _| product(slopes[i], difference));
                }
            }
            Tangent { normal, pull }
        })
        .collect();

    let angles = ANGLES_PER_FRAME * measured.frames();
    let step = TAU / angles as f64;
    let gains = (0..angles).map(|index| gain(&tangents, near, index as f64 * step));
    let best = gains.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(index, _)| index);
    Ok(Start { basis, rotation: best as f64 * step, rotation_deviation: step })
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
    let mut normal = Matrix2::zeros();
    let mut pull = vec![Vector2::zeros(); samples];
    for (frame, tangent) in tangents.iter().enumerate() {
        // Components are (y, x), so that turning from x towards y is the inverse of a rotation from the first to the second.
        let back = Rotation2::new(frame as f64 * angle).into_inner();
        normal += back * tangent.normal * back.transpose();
        pull.iter_mut().zip(&tangent.pull).for_each(|(sum, one)| *sum += back * one);
    }
    let Some(inverse) = normal.try_inverse() else { return 0.0 };
    pull.iter().map(|pull| (pull.transpose() * inverse * pull)[0]).sum()
}
