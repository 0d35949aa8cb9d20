//! The circulant operator nearest to the normal operator.

use diph_core::{Error, Result};
use diph_fourier::{Circulant, pair, plan_pair};
use ndarray::ArrayD;
use num_complex::Complex32;
use rayon::prelude::*;

use crate::toeplitz::Toeplitz;

/// Smallest rho as a share of the largest entry: well above what rounding leaves of a matrix that vanishes.
const FLOOR: f32 = 1e-6;

/// T. Chan's optimal circulant approximation of `A^H A` (SIAM J. Sci. Stat. Comput. 9, 1988), block by block for the K x K
/// pairs of coefficients as in Chan and Olkin 1994: of all operators `F^H C F` the one with the least Frobenius norm of
/// `F^H C F - A^H A`.
///
/// Its entry at the periodic distance d is the mean of the normal operator over all pairs of pixels that far apart. For
/// the kernel `h` of distances and coil sensitivities `S_c`,
///
/// ```text
/// c(d) = 1/N sum over e = d modulo the image of h(e) R(e),   R(e) = sum over c and r of conj(S_c(r + e)) S_c(r),
/// ```
///
/// with N pixels. One coil that sees everything has `R(e) = (height - |e_y|) (width - |e_x|)`. The matrices `C(f)` are the
/// diagonal blocks of `F A^H A F^H`, hence positive semidefinite, and real symmetric because `h(-e)` is the conjugate
/// of `h(e)`.
pub(crate) struct OptimalCirculant {
    circulant: Circulant,
    floor: f32,
}

impl OptimalCirculant {
    /// `coil_maps` are (coil, y, x).
    pub fn new(
        toeplitz: &Toeplitz,
        image: [usize; 2],
        planes: usize,
        coil_maps: Option<&[Complex32]>,
    ) -> Result<Self> {
        let overlap = match coil_maps {
            Some(maps) => coil_overlap(maps, image, toeplitz.grid()),
            None => plain_overlap(image, toeplitz.grid()),
        };
        let pixels = image[0] * image[1];
        let mut matrices = vec![0.0; toeplitz.pairs() * pixels];
        // C(f) is real: two pairs share a transform as its real and its imaginary part.
        matrices.par_chunks_mut(2 * pixels).enumerate().for_each(|(group, matrices)| {
            let spectrum = spectrum_of_pairs(toeplitz, image, 2 * group, &overlap);
            let (first, second) = matrices.split_at_mut(pixels);
            first.iter_mut().zip(&spectrum).for_each(|(entry, value)| *entry = value.re);
            second.iter_mut().zip(&spectrum).for_each(|(entry, value)| *entry = value.im);
        });
        let largest = matrices.iter().fold(0.0_f32, |largest, entry| largest.max(*entry));
        // Without any sample, every positive number is as good.
        let floor = if largest > 0.0 { FLOOR * largest } else { 1.0 };
        Ok(Self { circulant: Circulant::new(planes, &image, &matrices)?, floor })
    }

    /// `z = (C + max(rho, floor) I)^-1 r`.
    pub fn solve(&self, rho: f32, r: &[Complex32], z: &mut [Complex32]) -> Result<()> {
        self.circulant.solve(rho.max(self.floor), r, z)
    }

    /// (coefficient, coefficient, y, x).
    pub fn full(&self) -> Result<ArrayD<f32>> {
        let (planes, lengths) = (self.circulant.planes(), self.circulant.lengths());
        let pixels: usize = lengths.iter().product();
        let matrices = self.circulant.matrices();
        let entry = |i, j| &matrices[pair(planes, i, j) * pixels..][..pixels];
        let full = (0..planes * planes).flat_map(|place| entry(place / planes, place % planes)).copied().collect();
        let shape = [&[planes, planes], lengths].concat();
        ArrayD::from_shape_vec(shape, full).map_err(|error| Error::external("mrf-nufft: circulant", error))
    }
}

/// `C(f)` (y, x) of the pair `first` in the real part, of the next one, where there is one, in the imaginary part.
/// `overlap` is `R(e)` on the padded grid (x, y).
fn spectrum_of_pairs(toeplitz: &Toeplitz, image: [usize; 2], first: usize, overlap: &[Complex32]) -> Vec<Complex32> {
    let ([ny, nx], [height, width]) = (toeplitz.grid(), image);
    let mut kernels = Vec::with_capacity(nx * ny);
    for x in 0..nx {
        let re = toeplitz.kernel_column(first, x);
        match first + 1 < toeplitz.pairs() {
            true => kernels
                .extend(re.iter().zip(toeplitz.kernel_column(first + 1, x)).map(|(re, im)| Complex32::new(*re, *im))),
            false => kernels.extend(re.iter().map(|re| Complex32::from(*re))),
        }
    }
    // Transforms over y, then over x, end in (y, x) order.
    plan_pair(ny)[1].process(&mut kernels);
    let mut distances = transposed(&kernels, nx, ny);
    plan_pair(nx)[1].process(&mut distances);
    let mut folded = vec![Complex32::default(); height * width];
    for y in (0..height).chain(ny + 1 - height..ny) {
        let row = &mut folded[periodic(y, height, ny) * width..][..width];
        for x in (0..width).chain(nx + 1 - width..nx) {
            row[periodic(x, width, nx)] += distances[y * nx + x] * overlap[x * ny + y];
        }
    }
    plan_pair(width)[0].process(&mut folded);
    let mut columns = transposed(&folded, height, width);
    plan_pair(height)[0].process(&mut columns);
    transposed(&columns, width, height)
}

/// Place on an axis of `length` pixels of the distance at bin `bin` of the padded grid, where the negative ones are at
/// the end.
fn periodic(bin: usize, length: usize, grid: usize) -> usize {
    if bin < length { bin } else { bin + length - grid }
}

/// (columns, rows) of a flat array (rows, columns).
fn transposed(values: &[Complex32], rows: usize, columns: usize) -> Vec<Complex32> {
    (0..columns).flat_map(|column| values[column..].iter().step_by(columns).take(rows)).copied().collect()
}

/// `R(e) / N` of one coil that sees everything, (x, y).
fn plain_overlap([height, width]: [usize; 2], [ny, nx]: [usize; 2]) -> Vec<Complex32> {
    let share = |bin: usize, length: usize, grid: usize| length.saturating_sub(bin.min(grid - bin)) as f32 / length as f32;
    let value = |x, y| Complex32::from(share(x, width, nx) * share(y, height, ny));
    (0..nx).flat_map(|x| (0..ny).map(move |y| value(x, y))).collect()
}

/// `R(e) / N` of coil sensitivities (coil, y, x), by the theorem of Wiener and Khinchin on the padded grid: (x, y).
fn coil_overlap(maps: &[Complex32], [height, width]: [usize; 2], [ny, nx]: [usize; 2]) -> Vec<Complex32> {
    let [forward_x, inverse_x] = plan_pair(nx);
    let [forward_y, inverse_y] = plan_pair(ny);
    let mut energy = vec![Complex32::default(); nx * ny];
    for map in maps.chunks_exact(height * width) {
        let mut rows = vec![Complex32::default(); ny * nx];
        for (row, values) in rows.chunks_exact_mut(nx).zip(map.chunks_exact(width)) {
            row[..width].copy_from_slice(values);
        }
        forward_x.process(&mut rows);
        let mut columns = transposed(&rows, ny, nx);
        forward_y.process(&mut columns);
        energy.iter_mut().zip(&columns).for_each(|(sum, value)| *sum += value.norm_sqr());
    }
    inverse_y.process(&mut energy);
    let mut rows = transposed(&energy, nx, ny);
    inverse_x.process(&mut rows);
    let scale = 1.0 / (nx * ny * height * width) as f32;
    // The inverse transform of the energy is the sum of S(r + e) conj(S(r)).
    transposed(&rows, ny, nx).into_iter().map(|value| value.conj() * scale).collect()
}
