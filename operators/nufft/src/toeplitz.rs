//! The normal operator as a convolution.

use diph_core::Result;
use diph_fourier::{Multiplier, PaddedFft};
use ndarray::{Array2, ArrayView2, Axis};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::displacements::Displacements;
use crate::grid_plan::smooth_size;
use crate::nufft::Nufft;
use crate::{Accuracy, Trajectory};

/// Pairs of coefficients whose kernels are computed at once, which bounds the memory that this takes.
pub(crate) const PAIRS: usize = 5;

/// `A^H W A` of the subspace transform without coils, as a K x K matrix of convolutions on a padded grid
/// (Wajer and Pruessmann 2001; Fessler et al. 2005; in the subspace: Tamir et al. 2017).
///
/// The point spread function of coefficients k and l is `sum_ts w V[t,k] V[t,l] exp(2 pi i k_ts . d)` at distance d.
/// Weights and basis are real, so that its value at -d is the conjugate of its value at d, and its Fourier transform
/// over the padded grid is real. It is also the same for (k, l) and (l, k): K (K + 1) / 2 real kernels are stored.
///
/// The kernels are those of the transform with `basis` (frame, coefficient), real `weights` (frame, sample) and `scale` in
/// front of both forward and adjoint.
pub(crate) fn toeplitz(
    trajectory: &Trajectory,
    basis: ArrayView2<'_, f32>,
    weights: &[Complex32],
    image: [usize; 2],
    accuracy: Accuracy,
    scale: f64,
) -> Result<Multiplier> {
    let grid = image.map(|n| smooth_size(2 * n));
    let planes = basis.ncols();
    let pairs: Vec<(usize, usize)> = (0..planes).flat_map(|k| (k..planes).map(move |l| (k, l))).collect();
    let mut kernels = vec![0.0; grid[1] * pairs.len() * grid[0]];
    let spread_function = SpreadFunction { trajectory, weights, image, grid, accuracy: accuracy.finer(), scale };
    for (group, chunk) in pairs.chunks(PAIRS).enumerate() {
        let mut products = Array2::zeros((basis.nrows(), chunk.len()));
        for (mut column, (k, l)) in products.axis_iter_mut(Axis(1)).zip(chunk) {
            column.assign(&(&basis.column(*k) * &basis.column(*l)));
        }
        spread_function.add_kernels(products.view(), group * PAIRS, pairs.len(), &mut kernels)?;
    }
    Ok(Multiplier::new(image, grid, planes, kernels))
}

/// The point spread functions of all pairs of coefficients, in the order of the kernels, for images of so many rows.
pub(crate) fn point_spreads(toeplitz: &Multiplier, height: usize) -> Vec<Displacements> {
    let grid = toeplitz.grid();
    let pairs = toeplitz.planes() * (toeplitz.planes() + 1) / 2;
    let columns = |pair: usize| toeplitz.kernels().chunks_exact(grid[0]).skip(pair).step_by(pairs);
    (0..pairs).into_par_iter().map(|pair| Displacements::from_spectrum(columns(pair), grid, height)).collect()
}

/// What the point spread functions of all pairs share.
struct SpreadFunction<'a> {
    trajectory: &'a Trajectory,
    weights: &'a [Complex32],
    image: [usize; 2],
    grid: [usize; 2],
    accuracy: Accuracy,
    scale: f64,
}

impl SpreadFunction<'_> {
    /// Kernels of the pairs whose products of basis functions are the columns of `products`.
    fn add_kernels(
        &self,
        products: ArrayView2<'_, f32>,
        first: usize,
        pairs: usize,
        kernels: &mut [f32],
    ) -> Result<()> {
        let count = products.ncols();
        let double = self.image.map(|n| 2 * n);
        let [ny, nx] = self.grid;
        // Two unnormalised transforms multiply by the number of bins.
        let scale = self.scale * self.scale / (ny * nx) as f64;
        let nufft = Nufft::scaled(self.trajectory, products, double, self.accuracy, scale)?;
        let mut functions = vec![Complex32::default(); count * double[0] * double[1]];
        nufft.adjoint_slices(self.weights, None, false, &mut functions);

        // Distances of -n have no partner at +n, and no two pixels are that far apart.
        for function in functions.chunks_exact_mut(double[0] * double[1]) {
            function[..double[1]].fill(Complex32::default());
            function.iter_mut().step_by(double[1]).for_each(|value| *value = Complex32::default());
        }
        let fft = PaddedFft::new(double, self.grid, double.map(|n| vec![1.0; n]));
        let mut rows = vec![Complex32::default(); fft.row_blocks_len(count)];
        fft.images_to_rows(&functions, None, &mut rows);
        kernels.par_chunks_mut(pairs * ny).enumerate().for_each(|(x, kernels)| {
            let mut lines = vec![Complex32::default(); count * ny];
            fft.forward_column(&rows, x, &mut lines, &mut fft.column_scratch());
            // The imaginary part is rounding.
            kernels[first * ny..].iter_mut().zip(&lines).for_each(|(kernel, value)| *kernel = value.re);
        });
        Ok(())
    }
}
