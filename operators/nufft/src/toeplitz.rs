//! The normal operator as a convolution.

use diph_core::Result;
use multiversion::multiversion;
use multiversion::target::target_cfg_f;
use ndarray::{Array2, ArrayView2, Axis};
use num_complex::Complex32;
use rayon::prelude::*;

use crate::grid_plan::smooth_size;
use crate::nufft::Nufft;
use crate::padded_fft::{BLOCK, PaddedFft};
use crate::pool::Pool;
use crate::{Accuracy, Trajectory};

/// Pairs of coefficients whose kernels are computed at once, which bounds the memory that this takes.
pub(crate) const PAIRS: usize = 5;
/// Bins that are multiplied at once.
const BINS: usize = 8;

/// `A^H W A` of the subspace transform without coils, as a K x K matrix of convolutions on a padded grid
/// (Wajer and Pruessmann 2001; Fessler et al. 2005; in the subspace: Tamir et al. 2017).
///
/// The point spread function of coefficients k and l is `sum_ts w V[t,k] V[t,l] exp(2 pi i k_ts . d)` at distance d.
/// Weights and basis are real, so that its value at -d is the conjugate of its value at d, and its Fourier transform
/// over the padded grid is real. It is also the same for (k, l) and (l, k): K (K + 1) / 2 real kernels are stored.
pub(crate) struct Toeplitz {
    fft: PaddedFft,
    grid: [usize; 2],
    planes: usize,
    /// (grid x, pair, grid y); pairs in the order (0,0), (0,1), .. (0,K-1), (1,1), ..
    kernels: Vec<f32>,
    pool: Pool<Blocks>,
}

#[derive(Default)]
struct Blocks {
    rows: Vec<Complex32>,
    columns: Vec<Complex32>,
}

impl Toeplitz {
    /// Kernels of the transform with `basis` (frame, coefficient), real `weights` (frame, sample) and `scale` in
    /// front of both forward and adjoint.
    pub fn new(
        trajectory: &Trajectory,
        basis: ArrayView2<'_, f32>,
        weights: &[Complex32],
        image: [usize; 2],
        accuracy: Accuracy,
        scale: f64,
    ) -> Result<Self> {
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
        let ones = image.map(|n| vec![1.0; n]);
        Ok(Self { fft: PaddedFft::new(image, grid, ones), grid, planes, kernels, pool: Pool::new() })
    }

    /// Height and width of the padded grid.
    pub fn grid(&self) -> [usize; 2] {
        self.grid
    }

    /// Number of pairs of coefficients.
    pub fn pairs(&self) -> usize {
        self.planes * (self.planes + 1) / 2
    }

    /// Column `x` of a pair's kernel over the padded grid's frequencies (y), in units in which two transforms without
    /// normalisation make the convolution.
    pub fn kernel_column(&self, pair: usize, x: usize) -> &[f32] {
        let ny = self.grid[0];
        &self.kernels[(x * self.pairs() + pair) * ny..][..ny]
    }

    /// Writes or adds `S^H T S x` with the coil's sensitivities S (y, x) on slices (coefficient, y, x).
    pub fn apply(&self, images: &[Complex32], coil: Option<&[Complex32]>, add: bool, out: &mut [Complex32]) {
        let [ny, nx] = self.grid;
        let pairs = self.pairs();
        self.pool.with(Blocks::default, |work| {
            work.rows.resize(self.fft.row_blocks_len(self.planes), Complex32::default());
            work.columns.resize(self.fft.column_blocks_len(self.planes), Complex32::default());
            self.fft.images_to_rows(images, coil, &mut work.rows);
            let rows = &work.rows;
            work.columns.par_chunks_mut(self.fft.column_block(self.planes)).enumerate().for_each(|(block, cells)| {
                let mut lines = vec![Complex32::default(); self.planes * ny];
                let mut scratch = self.fft.column_scratch();
                for x in block * BLOCK..nx.min((block + 1) * BLOCK) {
                    self.fft.forward_column(rows, x, &mut lines, &mut scratch);
                    mix(&self.kernels[x * pairs * ny..][..pairs * ny], &mut lines, self.planes);
                    self.fft.inverse_column(&mut lines, x, cells, &mut scratch);
                }
            });
            self.fft.columns_to_images(&work.columns, coil, add, out);
        });
    }
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

/// Multiplies every bin of `lines` (coefficient, bin) by its symmetric matrix of `kernels` (pair, bin).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512cd+avx512dq+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
fn mix(kernels: &[f32], lines: &mut [Complex32], planes: usize) {
    if target_cfg_f!(any(target_feature = "fma", target_arch = "aarch64")) {
        mix_bins::<true>(kernels, lines, planes);
    } else {
        mix_bins::<false>(kernels, lines, planes);
    }
}

#[inline(always)]
fn mix_bins<const FMA: bool>(kernels: &[f32], lines: &mut [Complex32], planes: usize) {
    let ny = lines.len() / planes;
    let mut sums = vec![[Complex32::default(); BINS]; planes];
    for start in (0..ny).step_by(BINS) {
        let count = BINS.min(ny - start);
        sums.fill([Complex32::default(); BINS]);
        let mut kernels = kernels.chunks_exact(ny);
        for k in 0..planes {
            let left = load(&lines[k * ny + start..][..count]);
            for l in k..planes {
                // One kernel per pair: the iterator cannot end before the loops.
                let Some(kernel) = kernels.next() else { return };
                let kernel = load(&kernel[start..start + count]);
                let right = load(&lines[l * ny + start..][..count]);
                add_product::<FMA>(&mut sums[k], &kernel, &right);
                if l > k {
                    add_product::<FMA>(&mut sums[l], &kernel, &left);
                }
            }
        }
        for (line, sum) in lines.chunks_exact_mut(ny).zip(&sums) {
            line[start..start + count].copy_from_slice(&sum[..count]);
        }
    }
}

/// A fixed number of values, the rest zero.
#[inline(always)]
fn load<T: Copy + Default>(values: &[T]) -> [T; BINS] {
    match values.first_chunk() {
        Some(chunk) => *chunk,
        None => std::array::from_fn(|i| values.get(i).copied().unwrap_or_default()),
    }
}

#[inline(always)]
fn add_product<const FMA: bool>(sum: &mut [Complex32; BINS], kernel: &[f32; BINS], values: &[Complex32; BINS]) {
    for ((sum, factor), value) in sum.iter_mut().zip(kernel).zip(values) {
        if FMA {
            *sum = Complex32::new(value.re.mul_add(*factor, sum.re), value.im.mul_add(*factor, sum.im));
        } else {
            *sum += value * factor;
        }
    }
}
