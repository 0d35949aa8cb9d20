//! Density compensation: the area of k-space that every sample stands for.
//!
//! Both functions return weights (frame, sample) in squares of cycles per pixel, so that they add up to the area that
//! the samples cover, 1 for a full Cartesian grid. Put them into [`MrfOptions::weights`](crate::MrfOptions::weights).

use std::f64::consts::PI;

use diph_core::{Error, Result};
use ndarray::Array2;
use num_complex::Complex32;

use crate::{Accuracy, Nufft, Trajectory};

/// Weights from the area that a readout sweeps when it is turned around the centre, for spirals and radial lines whose
/// readouts are rotated evenly.
///
/// A sample's part of its readout runs halfway to its neighbours. Rotated by all angles, it sweeps rings of area
/// `pi |r_end^2 - r_start^2|`. Whether readouts pass a ring once (spirals, centre-out lines) or twice (diameters) comes
/// out of the total, which is scaled to the area of the disc that the trajectory covers. Exact for even rotation,
/// asymptotically right for golden angles.
pub fn by_area(trajectory: &Trajectory) -> Array2<f32> {
    let (frames, samples) = (trajectory.frames(), trajectory.samples());
    let mut edge: f64 = 0.0;
    let mut areas = Vec::with_capacity(trajectory.len());
    for readout in trajectory.as_slice().chunks_exact(2 * samples) {
        let (rings, outermost) = rings(readout.as_chunks().0);
        areas.extend(rings);
        edge = edge.max(outermost);
    }
    let total: f64 = areas.iter().sum();
    let index = |(frame, sample): (usize, usize)| frame * samples + sample;
    if total == 0.0 {
        return Array2::from_elem((frames, samples), 1.0 / trajectory.len() as f32);
    }
    Array2::from_shape_fn((frames, samples), |place| (areas[index(place)] * PI * edge / total) as f32)
}

/// Differences of the squared radii within every sample's part of a readout, and the largest squared radius.
fn rings(readout: &[[f64; 2]]) -> (Vec<f64>, f64) {
    let square = |k: [f64; 2]| k[0] * k[0] + k[1] * k[1];
    let halfway = |a: [f64; 2], b: [f64; 2]| square([(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]);
    // A readout's outer end reaches as far beyond its last sample as before it.
    let beyond = |end: [f64; 2], inner: [f64; 2]| {
        let outer = square([1.5 * end[0] - 0.5 * inner[0], 1.5 * end[1] - 0.5 * inner[1]]);
        if square(end) > square(inner) { outer } else { square(end) }
    };
    let mut largest: f64 = 0.0;
    let rings = (0..readout.len()).map(|i| {
        let here = readout[i];
        let before = i.checked_sub(1).map(|j| readout[j]);
        let after = readout.get(i + 1).copied();
        let start = before.map_or_else(|| after.map_or(0.0, |k| beyond(here, k)), |k| halfway(here, k));
        let end = after.map_or_else(|| before.map_or(0.0, |k| beyond(here, k)), |k| halfway(here, k));
        largest = largest.max(start).max(end);
        (square(here) - start).abs() + (end - square(here)).abs()
    });
    (rings.collect(), largest)
}

/// Weights of any trajectory by the iteration of Pipe and Menon 1999: divide by the weighted density until every
/// sample sees the density 1. The density is seen through a Kaiser-Bessel window of a few pixels of k-space for an image
/// of `height` x `width` pixels. Twenty iterations are usual.
///
/// # Errors
/// [`Error::Parameter`] when there is no iteration; otherwise as [`Nufft::new`].
pub fn pipe_menon(trajectory: &Trajectory, height: usize, width: usize, iterations: usize) -> Result<Array2<f32>> {
    if iterations == 0 {
        return Err(Error::parameter("Pipe-Menon density compensation", "iterations", "1 or more", iterations));
    }
    // The window, not the transform, is what is used here: a short one resolves the density best.
    let nufft = Nufft::plain(trajectory, height, width, Accuracy::new(1e-2)?)?;
    let mut weights = vec![Complex32::from(1.0); trajectory.len()];
    let mut density = vec![Complex32::default(); trajectory.len()];
    for _ in 0..iterations {
        nufft.density(&weights, &mut density);
        weights.iter_mut().zip(&density).for_each(|(weight, seen)| weight.re /= seen.re.max(f32::MIN_POSITIVE));
    }
    let samples = trajectory.samples();
    Ok(Array2::from_shape_fn((trajectory.frames(), samples), |(t, s)| weights[t * samples + s].re))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpiralOptions;
    use ndarray::Array3;

    fn total(weights: &Array2<f32>) -> f64 {
        weights.iter().map(|weight| f64::from(*weight)).sum()
    }

    #[test]
    fn area_of_radial_lines_is_the_ramp() {
        let weights = by_area(&Trajectory::golden_angle_radial(50, 64).unwrap());
        let inner = f64::from(weights[[3, 32 + 5]]);
        assert!((f64::from(weights[[3, 32 + 10]]) / inner - 2.0).abs() < 1e-6);
        assert!((f64::from(weights[[3, 32 - 5]]) / inner - 1.0).abs() < 1e-6);
        assert!(weights[[3, 32]] > 0.0);
        // A diameter stands for 2 pi / 50 times r dr, half of it on either side.
        assert!((inner / (5.0 / 64.0 / 64.0 * PI / 50.0) - 1.0).abs() < 0.05, "{inner}");
    }

    #[test]
    fn area_of_centre_out_readouts_is_the_disc() {
        let disc = PI / 4.0;
        for trajectory in
            [Trajectory::centre_out_radial(30, 80).unwrap(), Trajectory::spiral(30, &SpiralOptions::default()).unwrap()]
        {
            let sum = total(&by_area(&trajectory));
            assert!((sum / disc - 1.0).abs() < 0.03, "{sum}");
        }
    }

    #[test]
    fn area_of_a_single_sample_is_finite() {
        let trajectory = Trajectory::new(Array3::zeros((1, 1, 2))).unwrap();
        assert!(by_area(&trajectory).iter().all(|weight| weight.is_finite()));
    }

    #[test]
    fn pipe_menon_finds_the_cells_of_a_grid() {
        let n = 16;
        let position = |(y, x, c): (usize, usize, usize)| [y, x][c] as f64 / n as f64 - 0.5;
        let trajectory = Trajectory::new(Array3::from_shape_fn((n, n, 2), position)).unwrap();
        let weights = pipe_menon(&trajectory, n, n, 10).unwrap();
        assert!(weights.iter().all(|weight| (weight * 256.0 - 1.0).abs() < 0.05), "{weights}");
        assert!(pipe_menon(&trajectory, n, n, 0).is_err());
    }

    #[test]
    fn pipe_menon_follows_the_ramp_of_radial_lines() {
        let trajectory = Trajectory::golden_angle_radial(233, 64).unwrap();
        let (area, iterated) = (by_area(&trajectory), pipe_menon(&trajectory, 64, 64, 30).unwrap());
        // Away from the centre and the outer end, where the window blurs the density.
        let (mut difference, mut sum) = (0.0, 0.0);
        for frame in 0..233 {
            for sample in (8..24).chain(40..56) {
                difference += (area[[frame, sample]] - iterated[[frame, sample]]).abs();
                sum += area[[frame, sample]];
            }
        }
        assert!(difference < 0.1 * sum, "{}", difference / sum);
    }
}
