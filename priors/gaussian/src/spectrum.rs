//! The covariance of images in Fourier space.

use diph_core::{Error, Result};
use diph_fourier::{Multiplier, plan_pair};
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};
use num_complex::Complex32;
use rayon::prelude::*;

/// Rings between the centre of Fourier space and 1/2 cycle per pixel; the corners share one more.
const RINGS: usize = 60;
/// Frequencies along each axis that means over Fourier space are taken over.
const FREQUENCIES: usize = 128;
/// Smallest eigenvalue of a ring's covariance, so that its square root exists after rounding.
const LEAST_VARIANCE: f64 = 1e-14;

/// The covariance of images of a temporal basis under a stationary prior: in every ring of Fourier space a real symmetric
/// K x K matrix over the SVD coefficients, for images divided by their [scale](crate::proton_density_scale) and a unitary
/// Fourier transform.
///
/// Rings are in cycles per pixel, so that a spectrum serves images of every size.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// Temporal basis (frame, coefficient) of the images that it was learned from.
    basis: Array2<f32>,
    /// (ring, coefficient, coefficient).
    rings: Array3<f32>,
    /// Number of images that it was learned from.
    images: usize,
    energy_ratio: f32,
}

impl Spectrum {
    /// A spectrum from its parts: `basis` (frame, coefficient) and `rings` (ring, coefficient, coefficient), of which the last
    /// holds the corners beyond 1/2 cycle per pixel.
    ///
    /// # Errors
    /// [`Error::Shape`] when coefficients do not fit, [`Error::Parameter`] for fewer than two rings, for matrices that are
    /// not symmetric and for negative variances, [`Error::NotFinite`] for NaN and infinity.
    pub fn new(basis: Array2<f32>, rings: Array3<f32>, images: usize) -> Result<Self> {
        const OPERATION: &str = "Gaussian spectrum";
        let (count, coefficients) = (rings.dim().0, basis.ncols());
        let expected = vec![count, coefficients, coefficients];
        if rings.shape() != expected {
            let (operation, role) = (OPERATION.into(), "rings (ring, coefficient, coefficient)".into());
            return Err(Error::Shape { operation, role, expected, got: rings.shape().to_vec() });
        }
        if count < 2 || coefficients == 0 {
            return Err(Error::parameter(
                OPERATION,
                "rings",
                "at least 2 rings and 1 coefficient",
                format!("{expected:?}"),
            ));
        }
        for (role, values) in [("basis", basis.as_slice()), ("rings", rings.as_slice())] {
            let index = values.unwrap_or_default().iter().position(|value| !value.is_finite());
            if let Some(index) = index {
                return Err(Error::NotFinite { operation: OPERATION.into(), role: role.into(), index });
            }
        }
        for ring in rings.outer_iter() {
            let largest = ring.diag().iter().fold(0.0f32, |largest, value| largest.max(*value));
            let symmetric = ring.indexed_iter().all(|((k, l), value)| (value - ring[(l, k)]).abs() <= 1e-5 * largest);
            if !symmetric || ring.diag().iter().any(|value| *value < 0.0) {
                return Err(Error::parameter(OPERATION, "rings", "symmetric matrices with positive diagonals", ring));
            }
        }
        Ok(Self { basis, rings, images, energy_ratio: 1.0 })
    }

    /// Temporal basis (frame, coefficient) that it was learned for.
    pub fn basis(&self) -> ArrayView2<'_, f32> {
        self.basis.view()
    }

    /// Covariance in every ring, (ring, coefficient, coefficient).
    pub fn rings(&self) -> ArrayView3<'_, f32> {
        self.rings.view()
    }

    /// Number of images that it was learned from.
    pub fn images(&self) -> usize {
        self.images
    }

    /// How much less a measurement of the images that it was learned from holds than one of stationary images of the same
    /// spectrum would, as a ratio of norms: heads lie in the middle of their images, and an acquisition does not see all
    /// frequencies of a ring alike. 1 for a spectrum that was not [compared with measurements](Self::with_energy_ratio).
    pub fn energy_ratio(&self) -> f32 {
        self.energy_ratio
    }

    /// The same spectrum with another energy ratio.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a ratio that is not a positive number.
    pub fn rescaled(self, energy_ratio: f32) -> Result<Self> {
        if !(energy_ratio.is_finite() && energy_ratio > 0.0) {
            return Err(Error::parameter("Gaussian spectrum", "energy ratio", "a positive number", energy_ratio));
        }
        Ok(Self { energy_ratio, ..self })
    }

    /// Number of coefficients, K.
    pub fn coefficients(&self) -> usize {
        self.basis.ncols()
    }

    /// Its square roots, `L = S^(1/2)` ring by ring, (ring, coefficient, coefficient).
    pub fn square_roots(&self) -> Array3<f32> {
        let mut roots = Array3::zeros(self.rings.raw_dim());
        for (ring, mut root) in self.rings.outer_iter().zip(roots.outer_iter_mut()) {
            let k = ring.nrows();
            let matrix = DMatrix::from_fn(k, k, |i, j| f64::from(ring[(i, j)] + ring[(j, i)]) / 2.0);
            let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(matrix);
            let scaled = DMatrix::from_diagonal(&eigenvalues.map(|value| value.max(LEAST_VARIANCE).sqrt()));
            let product = &eigenvectors * scaled * eigenvectors.transpose();
            root.indexed_iter_mut().for_each(|((i, j), value)| *value = product[(i, j)] as f32);
        }
        roots
    }

    /// A function of the covariance, ring by ring, as a matrix function: of its eigenvalues, which come out at least
    /// [`f64::MIN_POSITIVE`]. (ring, coefficient, coefficient).
    pub fn map(&self, function: impl Fn(f64) -> f64) -> Array3<f32> {
        let mut mapped = Array3::zeros(self.rings.raw_dim());
        for (ring, mut out) in self.rings.outer_iter().zip(mapped.outer_iter_mut()) {
            let matrix = DMatrix::from_fn(ring.nrows(), ring.nrows(), |i, j| f64::from(ring[(i, j)]));
            let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(matrix);
            let values = eigenvalues.map(|value| function(value.max(f64::MIN_POSITIVE)));
            let product = &eigenvectors * DMatrix::from_diagonal(&values) * eigenvectors.transpose();
            out.indexed_iter_mut().for_each(|((i, j), value)| *value = product[(i, j)] as f32);
        }
        mapped
    }

    /// The variance of each coefficient in a pixel of an image with the covariance `matrices` (ring, coefficient, coefficient) in
    /// Fourier space: the mean of their diagonals over all frequencies.
    pub fn pixel_variances(&self, matrices: ArrayView3<'_, f32>) -> Vec<f64> {
        let rings = matrices.dim().0;
        let mut points = vec![0.0; rings];
        for y in 0..FREQUENCIES {
            for x in 0..FREQUENCIES {
                points[ring_of([y, x], [FREQUENCIES; 2], rings)] += 1.0;
            }
        }
        let total = (FREQUENCIES * FREQUENCIES) as f64;
        let variance = |k: usize| {
            points.iter().enumerate().map(|(ring, share)| share / total * f64::from(matrices[(ring, k, k)])).sum()
        };
        (0..self.coefficients()).map(variance).collect()
    }

    /// The ring of a point of Fourier space of an image of `size` = (height, width) pixels.
    pub fn ring(&self, [y, x]: [usize; 2], size: [usize; 2]) -> usize {
        ring_of([y, x], size, self.rings.dim().0)
    }

    /// A map of images (coefficient, y, x) that acts in every point of their Fourier space by the matrix of its ring of
    /// `matrices` (ring, coefficient, coefficient), such as the [`square_roots`](Self::square_roots).
    pub fn multiplier(&self, matrices: ArrayView3<'_, f32>, size: [usize; 2]) -> Multiplier {
        let [height, width] = size;
        let k = self.coefficients();
        let pairs: Vec<(usize, usize)> = (0..k).flat_map(|i| (i..k).map(move |j| (i, j))).collect();
        let factor = 1.0 / (height * width) as f32;
        let mut kernels = vec![0.0; width * pairs.len() * height];
        kernels.par_chunks_mut(pairs.len() * height).enumerate().for_each(|(x, column)| {
            for (line, (i, j)) in column.chunks_exact_mut(height).zip(&pairs) {
                line.iter_mut()
                    .enumerate()
                    .for_each(|(y, value)| *value = factor * matrices[(self.ring([y, x], size), *i, *j)]);
            }
        });
        Multiplier::new(size, size, k, kernels)
    }
}

fn ring_of(point: [usize; 2], size: [usize; 2], rings: usize) -> usize {
    let frequency = |index: usize, n: usize| index.min(n - index) as f64 / n as f64;
    let radius = frequency(point[0], size[0]).hypot(frequency(point[1], size[1]));
    ((2.0 * radius * (rings - 1) as f64) as usize).min(rings - 1)
}

/// A spectrum in the making: images are added one by one.
pub struct SpectrumSum {
    basis: Array2<f32>,
    products: Array3<f64>,
    points: Vec<f64>,
    images: usize,
}

impl SpectrumSum {
    /// Nothing yet, for images of the temporal basis (frame, coefficient).
    pub fn new(basis: Array2<f32>) -> Self {
        let k = basis.ncols();
        Self { basis, products: Array3::zeros((RINGS + 1, k, k)), points: vec![0.0; RINGS + 1], images: 0 }
    }

    /// Adds an image (coefficient, y, x), which counts in units of its `scale`.
    ///
    /// # Errors
    /// [`Error::Shape`] for another number of coefficients, [`Error::Parameter`] for a scale that is not positive,
    /// [`Error::NotFinite`] for NaN and infinity.
    pub fn add(&mut self, image: ArrayView3<'_, Complex32>, scale: f32) -> Result<()> {
        const OPERATION: &str = "Gaussian spectrum: learning";
        let (k, height, width) = image.dim();
        let expected = vec![self.basis.ncols(), height, width];
        if image.shape() != expected {
            let (operation, role) = (OPERATION.into(), "image".into());
            return Err(Error::Shape { operation, role, expected, got: image.shape().to_vec() });
        }
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::parameter(OPERATION, "scale", "a positive number", scale));
        }
        if let Some(index) = image.iter().position(|value| !(value.re.is_finite() && value.im.is_finite())) {
            return Err(Error::NotFinite { operation: OPERATION.into(), role: "image".into(), index });
        }
        let factor = 1.0 / (scale * ((height * width) as f32).sqrt());
        let planes: Vec<Vec<Complex32>> = image.axis_iter(Axis(0)).map(|plane| transformed(plane, factor)).collect();
        for y in 0..height {
            for x in 0..width {
                let ring = ring_of([y, x], [height, width], RINGS + 1);
                self.points[ring] += 1.0;
                for i in 0..k {
                    for j in 0..k {
                        let (a, b) = (planes[i][y * width + x], planes[j][y * width + x]);
                        self.products[(ring, i, j)] += f64::from(a.re * b.re + a.im * b.im);
                    }
                }
            }
        }
        self.images += 1;
        Ok(())
    }

    /// The spectrum of all images that were added. A ring without a point, of tiny images, takes the matrix of the next
    /// ring inside.
    ///
    /// # Errors
    /// [`Error::Parameter`] without an image.
    pub fn finish(self) -> Result<Spectrum> {
        if self.images == 0 {
            return Err(Error::parameter("Gaussian spectrum: learning", "images", "at least 1", 0));
        }
        let mut rings = Array3::zeros(self.products.raw_dim());
        for ring in 0..=RINGS {
            if self.points[ring] > 0.0 {
                let mean = self.products.index_axis(Axis(0), ring).mapv(|sum| (sum / self.points[ring]) as f32);
                rings.index_axis_mut(Axis(0), ring).assign(&mean);
            } else if ring > 0 {
                let inside = rings.index_axis(Axis(0), ring - 1).to_owned();
                rings.index_axis_mut(Axis(0), ring).assign(&inside);
            }
        }
        Spectrum::new(self.basis, rings, self.images)
    }
}

/// The Fourier transform of a plane times a factor, row by row.
fn transformed(plane: ArrayView2<'_, Complex32>, factor: f32) -> Vec<Complex32> {
    let (height, width) = plane.dim();
    let [[along_y, _], [along_x, _]] = [height, width].map(plan_pair);
    let mut values: Vec<Complex32> = plane.iter().map(|value| value * factor).collect();
    along_x.process(&mut values);
    let mut column = vec![Complex32::default(); height];
    for x in 0..width {
        column.iter_mut().enumerate().for_each(|(y, value)| *value = values[y * width + x]);
        along_y.process(&mut column);
        column.iter().enumerate().for_each(|(y, value)| values[y * width + x] = *value);
    }
    values
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    /// White images with coefficients that go together: every ring holds their covariance.
    #[test]
    fn the_spectrum_of_white_images_is_their_covariance() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let mut normal = || -> f32 { StandardNormal.sample(&mut rng) };
        let mut sum = SpectrumSum::new(Array2::zeros((3, 2)));
        for _ in 0..40 {
            let mut image = Array3::zeros((2, 24, 24));
            for y in 0..24 {
                for x in 0..24 {
                    let (a, b) = (Complex32::new(normal(), normal()), Complex32::new(normal(), normal()));
                    image[(0, y, x)] = a * 3.0;
                    image[(1, y, x)] = (a + b) * 3.0;
                }
            }
            sum.add(image.view(), 3.0).unwrap();
        }
        let spectrum = sum.finish().unwrap();
        for ring in [10, 30, 50, 60] {
            let matrix = spectrum.rings().index_axis(Axis(0), ring).to_owned();
            for (got, expected) in matrix.iter().zip([2.0, 2.0, 2.0, 4.0]) {
                assert!((got - expected).abs() < 0.5, "ring {ring}: {matrix}");
            }
        }
    }

    #[test]
    fn square_roots_give_the_covariance_back() {
        let rings = Array3::from_shape_fn((2, 2, 2), |(ring, i, j)| [[4.0, 1.0], [1.0, 2.0]][i][j] * (ring + 1) as f32);
        let spectrum = Spectrum::new(Array2::zeros((3, 2)), rings.clone(), 1).unwrap();
        for (root, ring) in spectrum.square_roots().outer_iter().zip(rings.outer_iter()) {
            assert!((root.dot(&root) - ring).iter().all(|difference| difference.abs() < 1e-5));
        }
    }

    #[test]
    fn corners_share_the_last_ring() {
        assert_eq!(ring_of([0, 0], [8, 8], 61), 0);
        assert_eq!(ring_of([4, 4], [8, 8], 61), 60);
        assert_eq!(ring_of([7, 0], [8, 8], 61), ring_of([1, 0], [8, 8], 61));
    }

    #[test]
    fn wrong_parts_are_refused() {
        let basis = Array2::zeros((3, 2));
        assert!(matches!(Spectrum::new(basis.clone(), Array3::zeros((5, 3, 3)), 1), Err(Error::Shape { .. })));
        let mut rings = Array3::zeros((5, 2, 2));
        rings[(1, 0, 1)] = 1.0;
        assert!(matches!(Spectrum::new(basis.clone(), rings.clone(), 1), Err(Error::Parameter { .. })));
        rings[(1, 0, 1)] = f32::NAN;
        assert!(matches!(Spectrum::new(basis.clone(), rings, 1), Err(Error::NotFinite { .. })));
        assert!(SpectrumSum::new(basis).finish().is_err());
    }
}
