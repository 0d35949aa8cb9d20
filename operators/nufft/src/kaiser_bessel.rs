//! The interpolation kernel and the accuracy that it is chosen for.

use std::f64::consts::PI;

use diph_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// Relative accuracy `eps` of a non-uniform Fourier transform, from 1e-6 to 1e-2 (default 1e-4).
///
/// The relative l2 error of forward and adjoint against the direct sum stays below `eps` for every image. Single
/// precision carries all of the range: at 1e-6, the error measured on random data is 1.4e-7 to 2.7e-7 for images of up to
/// 64 x 64 pixels (`tests/direct_sum.rs`), and 1.6e-7 (forward) and 2.4e-7 (adjoint) for 230 x 230 pixels and 184,000
/// samples. There, the rounding of the Toeplitz kernels keeps the normal operator within 3e-6 of adjoint after forward.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Accuracy(f64);

impl Accuracy {
    /// The finest accuracy that single precision carries.
    pub const FINEST: Self = Self(1e-6);

    /// The relative accuracy `eps`.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `eps` lies outside of [1e-6, 1e-2].
    pub fn new(eps: f64) -> Result<Self> {
        // The slack lets decimal fractions that were rounded to f32 on their way still count as 1e-6 and 1e-2.
        if (0.999e-6..=1.001e-2).contains(&eps) {
            return Ok(Self(eps));
        }
        Err(Error::parameter("nufft", "accuracy", "a number from 1e-6 to 1e-2", eps))
    }

    /// The largest relative l2 error that the transform may have.
    pub fn value(self) -> f64 {
        self.0
    }

    /// Ten times as accurate, as far as single precision goes.
    pub(crate) fn finer(self) -> Self {
        Self((self.0 / 10.0).max(Self::FINEST.0))
    }
}

impl Default for Accuracy {
    fn default() -> Self {
        Self(1e-4)
    }
}

impl TryFrom<f64> for Accuracy {
    type Error = Error;

    fn try_from(eps: f64) -> Result<Self> {
        Self::new(eps)
    }
}

impl From<Accuracy> for f64 {
    fn from(accuracy: Accuracy) -> Self {
        accuracy.0
    }
}

/// Kaiser-Bessel window `I0(beta sqrt(1 - (2x/W)^2)) / I0(beta)` over W grid cells (Fessler and Sutton 2003), with
/// `beta` after Beatty et al. 2005.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KaiserBessel {
    width: usize,
    beta: f64,
}

impl KaiserBessel {
    /// The window of `width` cells for a grid that is `oversampling` times finer than the image asks for.
    pub fn new(width: usize, oversampling: f64) -> Self {
        let w = width as f64;
        let beta = PI * (w * w * (1.0 - 0.5 / oversampling).powi(2) - 0.8).max(0.1).sqrt();
        Self { width, beta }
    }

    /// Value at a distance of `x` cells from the centre.
    pub fn value(&self, x: f64) -> f64 {
        let z = 2.0 * x / self.width as f64;
        if z.abs() > 1.0 {
            return 0.0;
        }
        bessel_i0(self.beta * (1.0 - z * z).max(0.0).sqrt()) / bessel_i0(self.beta)
    }

    /// Fourier transform at `frequency` cycles per cell.
    pub fn transform(&self, frequency: f64) -> f64 {
        let w = self.width as f64;
        let square = self.beta * self.beta - (PI * w * frequency).powi(2);
        let ratio = match square {
            s if s.abs() < 1e-8 => 1.0,
            s if s > 0.0 => s.sqrt().sinh() / s.sqrt(),
            s => (-s).sqrt().sin() / (-s).sqrt(),
        };
        w * ratio / bessel_i0(self.beta)
    }

    /// Aliasing of the worst image pixel, relative to that pixel: the root of the summed squares of the window's
    /// transform at the folded frequencies over its transform at the image's edge.
    pub fn aliasing(&self, oversampling: f64) -> f64 {
        let edge = 0.5 / oversampling;
        let folded: f64 = (1..=6)
            .flat_map(|fold| [edge - f64::from(fold), edge + f64::from(fold)])
            .map(|f| self.transform(f).powi(2))
            .sum();
        folded.sqrt() / self.transform(edge)
    }

    /// Mean square of the deconvolution's gain over the image's axis, relative to its centre: how much it amplifies
    /// the rounding of the grid.
    pub fn gain(&self, oversampling: f64) -> f64 {
        const POINTS: usize = 32;
        let centre = self.transform(0.0);
        let gain = |i: usize| centre / self.transform((i as f64 + 0.5) / POINTS as f64 * 0.5 / oversampling);
        (0..POINTS).map(|i| gain(i).powi(2)).sum::<f64>() / POINTS as f64
    }

    /// Polynomials in t in [-1, 1] of the window's pieces: `polynomials(d)[i]` holds the d + 1 coefficients, constant
    /// first, of the value at `-W/2 + i + (t + 1)/2`.
    pub fn polynomials(&self, degree: usize) -> Vec<Vec<f64>> {
        (0..self.width).map(|piece| self.piece(piece, degree)).collect()
    }

    /// Chebyshev interpolation of one piece, turned into powers of t.
    fn piece(&self, piece: usize, degree: usize) -> Vec<f64> {
        let nodes = degree + 1;
        let angle = |j: usize| PI * (j as f64 + 0.5) / nodes as f64;
        let start = piece as f64 - self.width as f64 / 2.0;
        let values: Vec<f64> = (0..nodes).map(|j| self.value(start + 0.5 * (angle(j).cos() + 1.0))).collect();

        let mut powers = vec![0.0; nodes];
        // T_{m+1} = 2 t T_m - T_{m-1}, with the coefficients of two successive Chebyshev polynomials.
        let (mut previous, mut current) = (vec![0.0; nodes], vec![0.0; nodes]);
        current[0] = 1.0;
        for m in 0..nodes {
            let norm = if m == 0 { 1.0 } else { 2.0 } / nodes as f64;
            let weight: f64 =
                norm * values.iter().enumerate().map(|(j, v)| v * (m as f64 * angle(j)).cos()).sum::<f64>();
            powers.iter_mut().zip(&current).for_each(|(power, c)| *power += weight * c);

            let factor = if m == 0 { 1.0 } else { 2.0 };
            let shifted = std::iter::once(0.0).chain(current.iter().map(|c| factor * c));
            let next: Vec<f64> = shifted.zip(&previous).map(|(s, p)| s - p).collect();
            previous = std::mem::replace(&mut current, next);
        }
        powers
    }
}

/// Modified Bessel function of the first kind and order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..500 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transform_is_the_integral_of_the_window() {
        let window = KaiserBessel::new(6, 1.5);
        for frequency in [0.0, 0.1, 0.33, 0.9] {
            let steps = 60_000;
            let step = 6.0 / f64::from(steps);
            let integral: f64 = (0..steps)
                .map(|i| -3.0 + (f64::from(i) + 0.5) * step)
                .map(|x| window.value(x) * (2.0 * PI * x * frequency).cos() * step)
                .sum();
            assert!((integral - window.transform(frequency)).abs() < 1e-7, "at {frequency}");
        }
    }

    #[test]
    fn polynomials_follow_the_window() {
        let window = KaiserBessel::new(7, 2.0);
        for (piece, powers) in window.polynomials(10).iter().enumerate() {
            for t in [-1.0f64, -0.7, 0.0, 0.2, 1.0] {
                let value = powers.iter().rev().fold(0.0, |sum, c| sum * t + c);
                let exact = window.value(-3.5 + piece as f64 + 0.5 * (t + 1.0));
                assert!((value - exact).abs() < 1e-7, "piece {piece}, t {t}: {value} against {exact}");
            }
        }
    }
}
