//! The normal operator, approximated by a circulant one.

use diph_fourier::{Multiplier, plan_pair};
use ndarray::{Array4, ArrayD};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::displacements::Displacements;
use crate::grid_plan::smooth_size;

/// Smallest shift of the circulant matrices, as a share of their mean eigenvalue.
///
/// A sample between the bins adds one large eigenvalue to the normal operator, and a little to the diagonal of each of the many
/// bins that it spreads over. Where nothing else was measured, at the rim of the sampled disc and beyond, that diagonal
/// is far below the eigenvalue: on a single-arm spiral of 200 frames the preconditioned operator had eigenvalues up to
/// 16 with rho = 1e-4 of the largest and 53 with 1e-5. With half of the mean, steps to a residual of 1e-3 fell from 18 to 11
/// and from 42 to 16, and between a quarter of the mean and the whole they do not change.
const LEAST_SHIFT: f32 = 0.5;

/// The circulant matrix nearest to the normal operator in the Frobenius norm (T. Chan, SIAM J. Sci. Stat. Comput. 9, 1988),
/// a real symmetric K x K matrix in every point of Fourier space, (x, pair of coefficients, y).
///
/// It is the mean over all entries that a circulant matrix makes equal: at the distance d, the point spread function t(d)
/// times the [overlap](Displacements::overlap) of the coils there, summed over the distances that a period of `period` pixels,
/// no fewer than the image has, makes one. In the harmonics of that period it is what the normal operator gives of each:
/// real and positive semi-definite. With the period of the image it is the diagonal of the normal operator in Fourier space.
///
/// `spreads` are the point spread functions of all pairs of coefficients, in the order of a [`Multiplier`].
pub(crate) fn nearest_circulant(
    period: [usize; 2],
    spreads: &[Displacements],
    overlap: &Displacements,
    image: [usize; 2],
) -> Vec<f32> {
    let [height, width] = period;
    let of_pair = |spread: &Displacements| spectrum(spread.fold_product(overlap, image, period), period);
    let spectra: Vec<Vec<f32>> = spreads.par_iter().map(of_pair).collect();
    let mut kernels = Vec::with_capacity(spreads.len() * height * width);
    for x in 0..width {
        spectra.iter().for_each(|spectrum| kernels.extend_from_slice(&spectrum[x * height..][..height]));
    }
    kernels
}

/// The matrices of [`nearest_circulant`] in the order (coefficient, coefficient, y, x).
pub(crate) fn symbol(kernels: &[f32], planes: usize, [height, width]: [usize; 2]) -> ArrayD<f32> {
    let pairs = planes * (planes + 1) / 2;
    Array4::from_shape_fn((planes, planes, height, width), |(k, l, y, x)| {
        let (low, high) = (k.min(l), k.max(l));
        kernels[(x * pairs + low * planes - low * (low + 1) / 2 + high) * height + y]
    })
    .into_dyn()
}

/// The inverse of the nearest circulant matrix, damped.
pub(crate) struct Circulant {
    multiplier: Multiplier,
    least_shift: f32,
}

impl Circulant {
    /// As [`nearest_circulant`]; the period is that of fast Fourier transforms.
    pub fn new(image: [usize; 2], planes: usize, spreads: &[Displacements], overlap: &Displacements) -> Self {
        let period = image.map(smooth_size);
        let kernels = nearest_circulant(period, spreads, overlap, image);
        let diagonals = (0..planes).map(|k| &spreads[k * planes - k * (k + 1) / 2 + k]);
        let mean = diagonals.map(|spread| (spread.row(0)[0] * overlap.row(0)[0]).re).sum::<f32>() / planes as f32;
        // An operator of zeros has a preconditioner too.
        let least_shift = (LEAST_SHIFT * mean).max(f32::MIN_POSITIVE);
        Self { multiplier: Multiplier::new(image, period, planes, kernels), least_shift }
    }

    /// `z = (C + rho I)^-1 r` of images (coefficient, y, x), with a rho of at least half the mean eigenvalue of C.
    pub fn solve(&self, rho: f32, r: &[Complex32], z: &mut [Complex32]) {
        self.multiplier.solve(rho.max(self.least_shift), r, z);
    }
}

/// The real Fourier transform (x, y) of a function (y, x) of the displacement on a periodic image.
fn spectrum(mut function: Vec<Complex32>, [height, width]: [usize; 2]) -> Vec<f32> {
    plan_pair(width)[0].process(&mut function);
    let mut columns: Vec<Complex32> = (0..width).flat_map(|x| function[x..].iter().step_by(width).copied()).collect();
    plan_pair(height)[0].process(&mut columns);
    // The imaginary part is rounding.
    columns.iter().map(|value| value.re).collect()
}
