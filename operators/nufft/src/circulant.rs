//! The normal operator, approximated by a circulant one.

use std::sync::Arc;

use diph_fourier::{Fft, Multiplier, plan_pair};
use ndarray::{Array4, ArrayD};
use num_complex::Complex32;
use rayon::prelude::*;

/// Smallest shift of the circulant matrices, as a share of their mean eigenvalue.
///
/// A sample between the bins adds one large eigenvalue to the normal operator, and a little to the diagonal of each of the many
/// bins that it spreads over. Where nothing else was measured, at the rim of the sampled disc and beyond, that diagonal
/// is far below the eigenvalue: on a single-arm spiral of 200 frames the preconditioned operator had eigenvalues up to
/// 16 with rho = 1e-4 of the largest and 53 with 1e-5. With half of the mean, steps to a residual of 1e-3 fell from 18 to 11
/// and from 42 to 16, and between a quarter of the mean and the whole they do not change.
const LEAST_SHIFT: f32 = 0.5;

/// The circulant matrix nearest to the normal operator in the Frobenius norm (T. Chan, SIAM J. Sci. Stat. Comput. 9, 1988),
/// a K x K matrix in every point of the image's Fourier space.
///
/// The kernel t(d) of a Toeplitz matrix of length N at distance d occurs N - |d| times, so that the mean over all entries
/// that a circulant matrix makes equal is `c(d) = ((N - d) t(d) + d t(d - N)) / N`, along each axis in turn. Its Fourier
/// transform is real and positive semi-definite like that of t.
///
/// With coils, `A^H A = sum over c of S_c^H T S_c` is no convolution; it is approximated by T times the mean of
/// `sum over c of |S_c|^2` where there is any sensitivity.
pub(crate) struct Circulant {
    multiplier: Multiplier,
    least_shift: f32,
}

impl Circulant {
    /// From the kernels of the Toeplitz embedding of an operator of these images, and its coils (coil, y, x).
    pub fn new(image: [usize; 2], toeplitz: &Multiplier, coil_maps: Option<&[Complex32]>) -> Self {
        let gain = mean_gain(coil_maps, image[0] * image[1]);
        let planes = toeplitz.planes();
        let pairs = planes * (planes + 1) / 2;
        let [height, width] = image;
        let [ny, nx] = toeplitz.grid();
        let along_y = Fold::new(height, ny);
        // (grid x, pair, y)
        let mut folded = vec![Complex32::default(); nx * pairs * height];
        folded.par_chunks_mut(height).zip(toeplitz.kernels().par_chunks(ny)).for_each(|(out, kernel)| {
            let mut line: Vec<Complex32> = kernel.iter().map(|value| Complex32::from(*value)).collect();
            along_y.fold(&mut line, out);
        });
        let along_x = Fold::new(width, nx);
        // (pair, y, x)
        let mut spectrum = vec![Complex32::default(); pairs * height * width];
        spectrum.par_chunks_mut(width).enumerate().for_each(|(row, out)| {
            let mut line: Vec<Complex32> = (0..nx).map(|x| folded[x * pairs * height + row]).collect();
            along_x.fold(&mut line, out);
        });
        let mut kernels = vec![0.0; width * pairs * height];
        kernels.par_chunks_mut(pairs * height).enumerate().for_each(|(x, column)| {
            // The imaginary part is rounding.
            column.iter_mut().enumerate().for_each(|(row, value)| *value = gain * spectrum[row * width + x].re);
        });
        let diagonals = (0..planes).map(|k| k * planes - k * (k + 1) / 2 + k);
        let trace: f64 = kernels
            .par_chunks(pairs * height)
            .map(|column| {
                diagonals
                    .clone()
                    .flat_map(|pair| &column[pair * height..][..height])
                    .map(|v| f64::from(*v))
                    .sum::<f64>()
            })
            .collect::<Vec<f64>>()
            .iter()
            .sum();
        let mean = trace / (planes * height * width) as f64;
        // An operator of zeros has a preconditioner too.
        let least_shift = (LEAST_SHIFT * mean as f32).max(f32::MIN_POSITIVE);
        Self { multiplier: Multiplier::new(image, image, planes, kernels), least_shift }
    }

    /// `z = (C + rho I)^-1 r` of images (coefficient, y, x), with a rho of at least half the mean eigenvalue of C.
    pub fn solve(&self, rho: f32, r: &[Complex32], z: &mut [Complex32]) {
        self.multiplier.solve(rho.max(self.least_shift), r, z);
    }

    /// C in every point of Fourier space, (coefficient, coefficient, y, x).
    pub fn symbol(&self) -> ArrayD<f32> {
        let planes = self.multiplier.planes();
        let [height, width] = self.multiplier.grid();
        let pairs = planes * (planes + 1) / 2;
        let kernels = self.multiplier.kernels();
        Array4::from_shape_fn((planes, planes, height, width), |(k, l, y, x)| {
            let (low, high) = (k.min(l), k.max(l));
            kernels[(x * pairs + low * planes - low * (low + 1) / 2 + high) * height + y]
        })
        .into_dyn()
    }
}

/// Folds a kernel over distances of -N to N onto N points, in Fourier space.
struct Fold {
    from: Arc<dyn Fft<f32>>,
    to: Arc<dyn Fft<f32>>,
    length: usize,
}

impl Fold {
    fn new(length: usize, padded: usize) -> Self {
        let ([_, from], [to, _]) = (plan_pair(padded), plan_pair(length));
        Self { from, to, length }
    }

    /// The spectrum of the folded kernel in `out`, from the spectrum on the padded grid in `line`, which is overwritten.
    fn fold(&self, line: &mut [Complex32], out: &mut [Complex32]) {
        let (n, padded) = (self.length, line.len());
        self.from.process(line);
        out[0] = line[0];
        for (d, value) in out.iter_mut().enumerate().skip(1) {
            let share = d as f32 / n as f32;
            *value = line[d] * (1.0 - share) + line[padded - (n - d)] * share;
        }
        self.to.process(out);
    }
}

/// The mean of `sum over c of |S_c|^2` over the pixels that any coil (coil, pixel) sees; 1 without coils.
fn mean_gain(coil_maps: Option<&[Complex32]>, pixels: usize) -> f32 {
    let Some(maps) = coil_maps else { return 1.0 };
    let gains: Vec<f64> = (0..pixels)
        .map(|pixel| maps.iter().skip(pixel).step_by(pixels).map(|s| f64::from(s.norm_sqr())).sum())
        .collect();
    let seen = gains.iter().filter(|gain| **gain > 0.0).count().max(1);
    (gains.iter().sum::<f64>() / seen as f64) as f32
}
