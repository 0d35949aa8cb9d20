//! The acquisition operator on a Cartesian grid.

use std::sync::OnceLock;

use diph_core::{
    Error, ForwardOperator, FourierScale, ImageShape, Preconditioner, RegularisedInverse, Result, Space, View, ViewMut,
};
use ndarray::{Array2, ArrayD, ArrayView2, ArrayView3, ArrayViewD, Axis, IxDyn};
use num_complex::{Complex32, Complex64};
use rayon::prelude::*;

use crate::fourier::Fourier;
use crate::grid_samples::GridSamples;

/// A real symmetric matrix over the coefficients in every point of k-space.
pub(crate) struct Circulant {
    /// (pair of coefficients j <= k, point of the spectrum).
    pub matrices: Vec<f32>,
    /// Smallest shift of the matrices.
    pub least_shift: f64,
}

/// The arrays that describe an acquisition; [`CartesianOperator`](crate::CartesianOperator) copies what it needs.
#[derive(Clone, Debug)]
pub struct CartesianArrays<'a> {
    /// Positions (frame, sample, 2) or (frame, sample, 3), each (ky, kx) or (kz, ky, kx) in cycles per pixel within
    /// [-1/2, 1/2], on the image's grid.
    pub trajectory: ArrayView3<'a, f64>,
    /// Real temporal basis V (frame, coefficient).
    pub basis: ArrayView2<'a, f32>,
    /// Coil sensitivities (coil, y, x) or (coil, z, y, x); one coil of ones when absent.
    pub coil_maps: Option<ArrayViewD<'a, Complex32>>,
    /// Data weights w (frame, sample), not negative; ones when absent.
    pub weights: Option<ArrayView2<'a, f32>>,
}

/// Options of [`CartesianOperator`](crate::CartesianOperator).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CartesianOptions {
    /// Pixels of the image, a plane or a volume. Any size; small prime factors are faster.
    pub image: ImageShape,
    /// The factor in front of the Fourier sum.
    pub normalisation: FourierScale,
}

const NAME: &str = "cartesian";
const CONSTRUCTION: &str = "cartesian: construction";
/// How far the squared modulus of a coil map may be from 1.
const UNIT_TOLERANCE: f32 = 1e-6;

/// Masked Fourier transform with coils and a temporal subspace, from images (coefficient, y, x) or
/// (coefficient, z, y, x) to k-space (coil, frame, sample):
///
/// ```text
/// y[c,t,s] = sqrt(w[t,s]) * scale * sum_k V[t,k] sum_r S_c(r) x_k(r) exp(-2 pi i k[t,s].(r - N/2))
/// ```
///
/// `normal` needs no samples: in every point of the grid the coefficients are mixed by the real matrix
/// `sum over samples there of w V_t V_t^T` (Tamir et al., Magn. Reson. Med. 77, 2017). Without coil maps, or with a single
/// coil of modulus 1, these matrices are all of the normal operator, and
/// [`regularised_inverse`](ForwardOperator::regularised_inverse) is there; several coils couple the points, and what is left is
/// the nearest circulant matrix as a [`preconditioner`](ForwardOperator::preconditioner).
///
/// ```
/// use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions, CartesianSampling};
/// use diph_core::{ForwardOperator, FourierScale, ImageShape};
///
/// let image = ImageShape::plane(16, 15);
/// let trajectory = CartesianSampling::new(10, &image)?.variable_density(4, 2, 1)?;
/// let basis = ndarray::Array2::ones((10, 3));
/// let arrays = CartesianArrays {
///     trajectory: trajectory.view(), basis: basis.view(), coil_maps: None, weights: None,
/// };
/// let options = CartesianOptions { image, normalisation: FourierScale::Unitary };
/// let operator = CartesianOperator::new(arrays, &options)?;
/// assert_eq!(operator.range().to_string(), "[coil 1, frame 10, sample 60]");
/// # Ok::<(), diph_core::Error>(())
/// ```
pub struct CartesianOperator {
    domain: Space,
    range: Space,
    pub(crate) coefficients: usize,
    samples_per_frame: usize,
    scale: f32,
    pub(crate) fourier: Fourier,
    grid: GridSamples,
    basis: Array2<f32>,
    /// (coil, pixel), flat.
    coil_maps: Option<Vec<Complex32>>,
    /// (frame, sample), flat.
    root_weights: Option<Vec<f32>>,
    /// (pair of coefficients j <= k, point of the spectrum), with the squared scale in it.
    gram: Vec<f32>,
    /// Whether the normal operator is diagonal in k-space, so that it has a regularised inverse.
    is_diagonal: bool,
    /// The nearest circulant matrix, made when it is first asked for.
    pub(crate) circulant: OnceLock<Circulant>,
}

impl CartesianOperator {
    /// The operator of an acquisition.
    ///
    /// # Errors
    /// [`Error::Shape`] when the arrays do not fit each other or the image, [`Error::Parameter`] when a length is zero,
    /// a weight negative, or a position off the grid (naming frame and sample), [`Error::NotFinite`] on NaN or
    /// infinity.
    pub fn new(arrays: CartesianArrays<'_>, options: &CartesianOptions) -> Result<Self> {
        let image = &options.image;
        check(&arrays, image)?;
        let (frames, samples_per_frame, _) = arrays.trajectory.dim();
        let coefficients = arrays.basis.ncols();
        let coils = arrays.coil_maps.as_ref().map_or(1, |maps| maps.len_of(Axis(0)));
        let scale = options.normalisation.factor(image);
        let fourier = Fourier::new(image);
        let grid = GridSamples::new(CONSTRUCTION, arrays.trajectory, image, &fourier)?;
        let coil_maps: Option<Vec<_>> = arrays.coil_maps.map(|maps| maps.iter().copied().collect());
        let mut operator = Self {
            domain: Space::image(coefficients, image),
            range: Space::kspace(coils, frames, samples_per_frame),
            coefficients,
            samples_per_frame,
            scale: scale as f32,
            fourier,
            grid,
            basis: arrays.basis.as_standard_layout().into_owned(),
            is_diagonal: is_unit_coil(coil_maps.as_deref(), image.pixels()),
            coil_maps,
            root_weights: arrays.weights.map(|weights| weights.iter().map(|w| w.sqrt()).collect()),
            gram: Vec::new(),
            circulant: OnceLock::new(),
        };
        operator.gram = operator.gram(scale);
        Ok(operator)
    }

    /// `scale^2 sum of w V_t V_t^T` over the samples on every point.
    fn gram(&self, scale: f64) -> Vec<f32> {
        let pixels = self.fourier.pixels();
        let mut gram = vec![0.0; self.coefficients * (self.coefficients + 1) / 2 * pixels];
        let pairs: Vec<_> = (0..self.coefficients).flat_map(|j| (j..self.coefficients).map(move |k| (j, k))).collect();
        gram.par_chunks_exact_mut(pixels).zip(pairs).for_each(|(plane, (j, k))| {
            for (place, point) in self.grid.points.iter().enumerate() {
                let sum: f64 =
                    self.grid.samples_of(place).iter().map(|sample| self.weighted_product(*sample, j, k)).sum();
                plane[*point] = (scale * scale * sum) as f32;
            }
        });
        gram
    }

    fn weighted_product(&self, sample: usize, j: usize, k: usize) -> f64 {
        let frame = sample / self.samples_per_frame;
        let weight = f64::from(self.root_weight(sample)).powi(2);
        weight * f64::from(self.basis[(frame, j)]) * f64::from(self.basis[(frame, k)])
    }

    /// The Gram matrices, (pair of coefficients j <= k, point of the spectrum).
    pub(crate) fn gram_matrices(&self) -> &[f32] {
        &self.gram
    }

    /// The plane of matrices (pair, point) for a pair of coefficients in any order.
    pub(crate) fn plane<'a>(&self, matrices: &'a [f32], j: usize, k: usize) -> &'a [f32] {
        let (low, high) = (j.min(k), j.max(k));
        let pair = low * self.coefficients - low * (low + 1) / 2 + high;
        &matrices[pair * self.fourier.pixels()..][..self.fourier.pixels()]
    }

    fn root_weight(&self, sample: usize) -> f32 {
        self.root_weights.as_ref().map_or(1.0, |weights| weights[sample])
    }

    pub(crate) fn coils(&self) -> usize {
        self.range.axes()[0].len
    }

    pub(crate) fn coil_map(&self, coil: usize) -> Option<&[Complex32]> {
        self.coil_maps.as_ref().map(|maps| &maps[coil * self.fourier.pixels()..][..self.fourier.pixels()])
    }

    /// Spectra of all coefficients seen by a coil of this sensitivity, (coefficient, point).
    pub(crate) fn spectra(&self, coil: Option<&[Complex32]>, x: &[Complex32], spectra: &mut [Complex32]) {
        let pixels = self.fourier.pixels();
        let images = x.par_chunks_exact(pixels).zip(spectra.par_chunks_exact_mut(pixels));
        images.for_each_init(
            || vec![Complex32::ZERO; pixels],
            |seen, (image, spectrum)| {
                seen.copy_from_slice(image);
                if let Some(map) = coil {
                    seen.iter_mut().zip(map).for_each(|(value, map)| *value *= map);
                }
                self.fourier.forward(seen, spectrum);
            },
        );
    }

    /// Adds to every image what a coil of this sensitivity sees in the spectra that `fill(coefficient, spectrum)` writes over
    /// zeros.
    pub(crate) fn add_images(
        &self,
        coil: Option<&[Complex32]>,
        x: &mut [Complex32],
        fill: impl Fn(usize, &mut [Complex32]) + Sync,
    ) {
        let pixels = self.fourier.pixels();
        x.par_chunks_exact_mut(pixels).enumerate().for_each_init(
            || (vec![Complex32::ZERO; pixels], vec![Complex32::ZERO; pixels]),
            |(spectrum, seen), (k, image)| {
                spectrum.fill(Complex32::ZERO);
                fill(k, spectrum);
                self.fourier.adjoint(spectrum, seen);
                match coil {
                    Some(map) => image.iter_mut().zip(seen.iter().zip(map)).for_each(|(x, (v, s))| *x += s.conj() * v),
                    None => image.iter_mut().zip(seen.iter()).for_each(|(x, v)| *x += v),
                }
            },
        );
    }

    /// Values of all coefficients in the visited points, (place, coefficient), with phase and scale.
    fn gather(&self, spectra: &[Complex32], values: &mut [Complex32]) {
        let pixels = self.fourier.pixels();
        values.par_chunks_exact_mut(self.coefficients).zip(&self.grid.points).zip(&self.grid.phases).for_each(
            |((values, point), phase)| {
                let factor = phase * self.scale;
                values.iter_mut().enumerate().for_each(|(k, value)| *value = spectra[k * pixels + point] * factor);
            },
        );
    }

    /// Adjoint of mixing the coefficients into samples and of phase and scale, (place, coefficient).
    fn collect_samples(&self, y: &[Complex32], values: &mut [Complex32]) {
        values.par_chunks_exact_mut(self.coefficients).enumerate().for_each_init(
            || vec![Complex64::ZERO; self.coefficients],
            |sums, (place, values)| {
                sums.fill(Complex64::ZERO);
                for sample in self.grid.samples_of(place) {
                    let value = y[*sample] * self.root_weight(*sample);
                    let value = Complex64::new(f64::from(value.re), f64::from(value.im));
                    let weights = self.basis.row(sample / self.samples_per_frame);
                    sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += value * f64::from(*weight));
                }
                let factor = self.grid.phases[place].conj() * self.scale;
                for (value, sum) in values.iter_mut().zip(sums) {
                    *value = Complex32::new(sum.re as f32, sum.im as f32) * factor;
                }
            },
        );
    }

    fn mix_frame(&self, frame: usize, values: &[Complex32], y: &mut [Complex32]) {
        let weights = self.basis.row(frame);
        for (s, y) in y.iter_mut().enumerate() {
            let sample = frame * self.samples_per_frame + s;
            let place = self.grid.point_of_sample[sample];
            let coefficients = &values[place * self.coefficients..][..self.coefficients];
            let sum: Complex32 = coefficients.iter().zip(weights).map(|(value, weight)| value * weight).sum();
            *y = sum * self.root_weight(sample);
        }
    }
}

impl ForwardOperator for CartesianOperator {
    fn name(&self) -> &str {
        NAME
    }

    fn domain(&self) -> &Space {
        &self.domain
    }

    fn range(&self) -> &Space {
        &self.range
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        let x = self.domain.slice("cartesian: forward", "image", &x)?;
        let y = self.range.slice_mut("cartesian: forward", "k-space", y)?;
        let mut spectra = vec![Complex32::ZERO; x.len()];
        let mut values = vec![Complex32::ZERO; self.grid.points.len() * self.coefficients];
        for (coil, y) in y.chunks_exact_mut(self.grid.point_of_sample.len()).enumerate() {
            self.spectra(self.coil_map(coil), x, &mut spectra);
            self.gather(&spectra, &mut values);
            y.par_chunks_exact_mut(self.samples_per_frame)
                .enumerate()
                .for_each(|(frame, y)| self.mix_frame(frame, &values, y));
        }
        Ok(())
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        let y = self.range.slice("cartesian: adjoint", "k-space", &y)?;
        let x = self.domain.slice_mut("cartesian: adjoint", "image", x)?;
        x.fill(Complex32::ZERO);
        let mut values = vec![Complex32::ZERO; self.grid.points.len() * self.coefficients];
        for (coil, y) in y.chunks_exact(self.grid.point_of_sample.len()).enumerate() {
            self.collect_samples(y, &mut values);
            self.add_images(self.coil_map(coil), x, |k, spectrum| {
                for (point, values) in self.grid.points.iter().zip(values.chunks_exact(self.coefficients)) {
                    spectrum[*point] = values[k];
                }
            });
        }
        Ok(())
    }

    fn normal(&self, x: View<'_>, out: ViewMut<'_>) -> Result<()> {
        let x = self.domain.slice("cartesian: normal", "image", &x)?;
        let out = self.domain.slice_mut("cartesian: normal", "image", out)?;
        out.fill(Complex32::ZERO);
        let mut spectra = vec![Complex32::ZERO; x.len()];
        for coil in 0..self.coils() {
            self.spectra(self.coil_map(coil), x, &mut spectra);
            self.add_images(self.coil_map(coil), out, |k, mixed| {
                for (j, spectrum) in spectra.chunks_exact(mixed.len()).enumerate() {
                    let weighted = spectrum.iter().zip(self.plane(&self.gram, j, k));
                    mixed.iter_mut().zip(weighted).for_each(|(sum, (value, weight))| *sum += value * weight);
                }
            });
        }
        Ok(())
    }

    fn regularised_inverse(&self) -> Option<&dyn RegularisedInverse> {
        self.is_diagonal.then_some(self as &dyn RegularisedInverse)
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        Some(self)
    }

    fn data_weights(&self) -> Result<Option<ArrayD<f32>>> {
        let Some(weights) = &self.root_weights else {
            return Ok(None);
        };
        Ok(Some(ArrayD::from_shape_fn(IxDyn(&self.range.shape()), |index| {
            weights[index[1] * self.samples_per_frame + index[2]]
        })))
    }
}

fn check(arrays: &CartesianArrays<'_>, image: &ImageShape) -> Result<()> {
    let (frames, samples, axes) = arrays.trajectory.dim();
    let (basis_frames, coefficients) = arrays.basis.dim();
    let coils = arrays.coil_maps.as_ref().map_or(1, |maps| maps.shape().first().copied().unwrap_or(0));
    let lengths = [
        ("pixels of the image", image.pixels()),
        ("frames", frames),
        ("samples of a frame", samples),
        ("coefficients", coefficients),
        ("coils", coils),
    ];
    if let Some((name, _)) = lengths.iter().find(|(_, len)| *len == 0) {
        return Err(Error::parameter(CONSTRUCTION, *name, "at least 1", 0));
    }
    check_shape("trajectory", &[frames, samples, image.lengths().len()], &[frames, samples, axes])?;
    check_shape("basis", &[frames, coefficients], &[basis_frames, coefficients])?;
    check_finite("basis", arrays.basis.iter().map(|v| v.is_finite()))?;
    if let Some(maps) = &arrays.coil_maps {
        check_shape("coil maps", &image.with_leading(coils), maps.shape())?;
        check_finite("coil maps", maps.iter().map(|z| z.is_finite()))?;
    }
    let Some(weights) = arrays.weights else {
        return Ok(());
    };
    check_shape("weights", &[frames, samples], weights.shape())?;
    check_finite("weights", weights.iter().map(|w| w.is_finite()))?;
    match weights.indexed_iter().find(|(_, w)| **w < 0.0) {
        Some(((t, s), w)) => Err(Error::parameter(CONSTRUCTION, format!("weights[{t}, {s}]"), "at least 0", w)),
        None => Ok(()),
    }
}

fn check_shape(role: &str, expected: &[usize], got: &[usize]) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    let (expected, got) = (expected.to_vec(), got.to_vec());
    Err(Error::Shape { operation: CONSTRUCTION.into(), role: role.into(), expected, got })
}

fn check_finite(role: &str, mut finite: impl Iterator<Item = bool>) -> Result<()> {
    match finite.position(|finite| !finite) {
        Some(index) => Err(Error::NotFinite { operation: CONSTRUCTION.into(), role: role.into(), index }),
        None => Ok(()),
    }
}

/// Whether coil maps S leave `S^H F^H G F S` diagonal in k-space: a single coil of modulus 1 everywhere, whose phase
/// only turns the image.
fn is_unit_coil(coil_maps: Option<&[Complex32]>, pixels: usize) -> bool {
    let is_unit = |value: &Complex32| (value.norm_sqr() - 1.0).abs() <= UNIT_TOLERANCE;
    coil_maps.is_none_or(|maps| maps.len() == pixels && maps.iter().all(is_unit))
}
