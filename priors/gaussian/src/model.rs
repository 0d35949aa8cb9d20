//! Prior and acquisition together: everything that can be said of a measurement in closed form.

use diph_core::{
    CgSettings, ConjugateGradient, Error, ForwardOperator, GaussianRoot, ImageShape, Result, Rng, StopReason, View,
    vector,
};
use diph_fourier::Multiplier;
use nalgebra::DMatrix;
use ndarray::ArrayD;
use num_complex::Complex32;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use crate::Spectrum;
use crate::whitened::Whitened;

const OPERATION: &str = "Gaussian model";
/// Share of the measurement's energy that counts as signal at least, where noise explains all of it.
const LEAST_SIGNAL: f64 = 1e-4;
/// Share of the measurement's energy that counts as noise at least, where there is none: 60 dB.
const LEAST_NOISE: f64 = 1e-6;
/// Rounds of the noise estimate at most, the relative change of its variance that ends it, and the steps of conjugate
/// gradients in each.
const NOISE_ROUNDS: usize = 10;
const NOISE_CHANGE: f64 = 0.01;
const NOISE_STEPS: usize = 4;

/// A stationary Gaussian prior and an acquisition: `y = A x + n` with `x = m L w`, white noise w and white noise n of
/// variance `sigma^2` (over real and imaginary part together).
///
/// L is the square root of the prior's covariance at every frequency, m the scale of the image. The acquisition needs a
/// [preconditioner](diph_core::Preconditioner) that tells the diagonal C of `A^H A` in Fourier space, and no data weights: the noise
/// is white.
pub struct GaussianModel<'a> {
    operator: &'a dyn ForwardOperator,
    size: [usize; 2],
    root: Multiplier,
    /// `L C L`, (x, pair, y), as kernels that [`Multiplier::solve`] takes.
    circulant: Vec<f32>,
    energy_ratio: f32,
}

impl<'a> GaussianModel<'a> {
    /// A model from the prior's covariance, as [`Prior::gaussian_root`](diph_core::Prior::gaussian_root) gives it.
    ///
    /// # Errors
    /// [`Error::Incompatible`] for an operator without a symbol, with data weights, or with images of
    /// another shape or of three spatial axes.
    pub fn new(operator: &'a dyn ForwardOperator, root: &GaussianRoot) -> Result<Self> {
        let (coefficients, image) = ImageShape::split(OPERATION, &operator.domain().shape())?;
        let size = image.require_plane(OPERATION)?;
        let expected = [&[coefficients], &*operator.domain().shape()].concat();
        if root.matrices.shape() != expected {
            let (expected, got) = (format!("a prior of shape {expected:?}"), format!("{:?}", root.matrices.shape()));
            return Err(Error::incompatible(OPERATION, expected, got));
        }
        let n = size[0] * size[1];
        let kernels = sorted(&root.matrices, coefficients, size, 1.0 / n as f32);
        Self::with_root(operator, Multiplier::new(size, size, coefficients, kernels), root.energy_ratio)
    }

    /// A model from a spectrum of the operator's temporal basis.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_spectrum(operator: &'a dyn ForwardOperator, spectrum: &Spectrum) -> Result<Self> {
        let (coefficients, image) = ImageShape::split(OPERATION, &operator.domain().shape())?;
        let size = image.require_plane(OPERATION)?;
        if coefficients != spectrum.coefficients() {
            let expected = format!("images of {} coefficients", spectrum.coefficients());
            return Err(Error::incompatible(OPERATION, expected, operator.domain()));
        }
        Self::with_root(operator, spectrum.multiplier(spectrum.square_roots().view(), size), spectrum.energy_ratio())
    }

    fn with_root(operator: &'a dyn ForwardOperator, root: Multiplier, energy_ratio: f32) -> Result<Self> {
        if operator.data_weights()?.is_some() {
            return Err(Error::incompatible(OPERATION, "an operator without data weights", operator.name()));
        }
        let symbol = match operator.preconditioner() {
            Some(preconditioner) => preconditioner.symbol()?,
            None => None,
        };
        let expected = "an operator whose preconditioner has a symbol";
        let symbol = symbol.ok_or_else(|| Error::incompatible(OPERATION, expected, operator.name()))?;
        let size = root.grid();
        let circulant = sandwich(&root, &sorted(&symbol, root.planes(), size, 1.0));
        Ok(Self { operator, size, root, circulant, energy_ratio })
    }

    /// The expected energy `c = E |A x|^2` of the noise-free measurement of an image of scale 1.
    ///
    /// Of stationary images it is `tr(A^H A S)`; and since C is the orthogonal projection of `A^H A` on all circulant matrices, of
    /// which S is one, this is exactly the sum over the points of Fourier space of `tr(C S) = tr(L C L)`. The square of the
    /// learned [energy ratio](Spectrum::energy_ratio) makes it that of true images.
    pub fn expected_energy(&self) -> f64 {
        let k = self.root.planes();
        let diagonals = (0..k).map(|i| i * k - i * (i + 1) / 2 + i);
        let height = self.size[0];
        let column = |column: &[f32]| -> f64 {
            diagonals
                .clone()
                .map(|pair| column[pair * height..][..height].iter().map(|v| f64::from(*v)).sum::<f64>())
                .sum()
        };
        let stationary: f64 = self.circulant.chunks_exact(k * (k + 1) / 2 * height).map(column).sum();
        stationary * f64::from(self.energy_ratio).powi(2)
    }

    /// The scale m of a measurement from its energy, `E |y|^2 = m^2 c + n sigma^2` with n samples.
    ///
    /// # Errors
    /// [`Error::Parameter`] for samples of zeros and a sigma that is not a positive number, [`Error::NotFinite`] and
    /// [`Error::Shape`] for samples that cannot be used.
    pub fn scale(&self, samples: View<'_>, sigma: f32) -> Result<f32> {
        if !(sigma.is_finite() && sigma > 0.0) {
            return Err(Error::parameter(OPERATION, "sigma", "a positive number", sigma));
        }
        let values = self.checked(&samples)?;
        let measured = vector::norm_sqr(values);
        let noise = values.len() as f64 * f64::from(sigma).powi(2);
        let signal = (measured - noise).max(LEAST_SIGNAL * measured);
        Ok((signal / self.expected_energy().max(f64::MIN_POSITIVE)).sqrt() as f32)
    }

    /// The standard deviation sigma of the noise, from the measurement itself.
    ///
    /// The posterior mean leaves a residual of the energy `E |y - A x|^2 = sigma^2 (n - d)`, where d is the number of degrees of
    /// freedom that the data decide, `d = tr(g^2 L A^H A L (g^2 L A^H A L + I)^-1)` with `g = m / sigma`. Sigma is the
    /// fixed point of this (MacKay 1992), a few rounds from the median of `|y|^2`; d is taken with C in place of `A^H A`.
    ///
    /// # Errors
    /// As [`scale`](Self::scale), and those of the operator.
    pub fn estimate_noise(&self, samples: View<'_>) -> Result<f32> {
        let values = self.checked(&samples)?;
        let mean = vector::norm_sqr(values) / values.len() as f64;
        let mut energies: Vec<f32> = values.iter().map(|value| value.norm_sqr()).collect();
        let middle = energies.len() / 2;
        // The median of an exponential distribution is ln 2 times its mean.
        let median = f64::from(*energies.select_nth_unstable_by(middle, f32::total_cmp).1) / std::f64::consts::LN_2;
        let mut variance = median.clamp(LEAST_NOISE * mean, mean);
        let mut start = None;
        for _ in 0..NOISE_ROUNDS {
            let sigma = variance.sqrt() as f32;
            let posterior = self.posterior(self.scale(samples.view(), sigma)?, sigma);
            let solution = posterior.solve(samples.view(), start.as_ref(), NOISE_STEPS, 0.0)?;
            let mut predicted = self.operator.range().zeros();
            posterior.whitened.forward(solution.white.view(), predicted.view_mut())?;
            let inverse = 1.0 / sigma;
            predicted.zip_mut_with(&samples, |value, sample| *value -= sample * inverse);
            let residual = vector::norm_sqr(predicted.as_slice().unwrap_or_default());
            let free = values.len() as f64 - self.degrees_of_freedom(posterior.gain());
            let next = (variance * residual / free.max(1.0)).clamp(LEAST_NOISE * mean, mean);
            let change = (next / variance - 1.0).abs();
            variance = next;
            if change < NOISE_CHANGE {
                break;
            }
            start = Some(solution.white);
        }
        Ok(variance.sqrt() as f32)
    }

    /// The posterior of an image of scale m measured with noise of standard deviation sigma, both positive numbers.
    pub fn posterior(&self, scale: f32, sigma: f32) -> Posterior<'_> {
        let square = (scale / sigma).powi(2);
        let kernels = self.circulant.iter().map(|value| value * square).collect();
        let circulant = Multiplier::new(self.size, self.size, self.root.planes(), kernels);
        let whitened = Whitened::new(self.operator, &self.root, scale / sigma, circulant);
        Posterior { operator: self.operator, whitened, scale, sigma }
    }

    /// Sum over all points of Fourier space of `tr(I - (g^2 L C L + I)^-1)`.
    fn degrees_of_freedom(&self, gain: f64) -> f64 {
        let (k, height) = (self.root.planes(), self.size[0]);
        let pairs = k * (k + 1) / 2;
        let points = self.circulant.par_chunks_exact(pairs * height).map(|column| {
            let mut sum = 0.0;
            let mut matrix = DMatrix::<f64>::zeros(k, k);
            for y in 0..height {
                let mut entries = column[y..].iter().step_by(height);
                for i in 0..k {
                    for j in i..k {
                        let value = gain * gain * entries.next().map_or(0.0, |value| f64::from(*value));
                        matrix[(i, j)] = value;
                        matrix[(j, i)] = value;
                    }
                    matrix[(i, i)] += 1.0;
                }
                let inverse = matrix.clone().cholesky().map_or(0.0, |factor| factor.inverse().trace());
                sum += k as f64 - inverse;
            }
            sum
        });
        // In order, so that the number of threads changes no bit.
        points.collect::<Vec<f64>>().iter().sum()
    }

    fn checked<'s>(&self, samples: &View<'s>) -> Result<&'s [Complex32]> {
        let values = self.operator.range().slice(OPERATION, "k-space", samples)?;
        if let Some(index) = vector::first_not_finite(values) {
            return Err(Error::NotFinite { operation: OPERATION.into(), role: "k-space".into(), index });
        }
        if values.iter().all(|value| *value == Complex32::ZERO) {
            return Err(Error::parameter(OPERATION, "k-space", "a measurement with signal", "zeros"));
        }
        Ok(values)
    }
}

impl Spectrum {
    /// Learns the [energy ratio](Self::energy_ratio): the mean over `images` (coefficient, y, x), each with its scale, of
    /// `|A x| / scale` beside that of a stationary image of this spectrum. `operator` is the acquisition without weights.
    ///
    /// # Errors
    /// As [`GaussianModel::new`], and [`Error::Parameter`] without images.
    pub fn with_energy_ratio<'a>(
        self,
        operator: &dyn ForwardOperator,
        images: impl IntoIterator<Item = (View<'a>, f32)>,
    ) -> Result<Self> {
        let stationary = self.rescaled(1.0)?;
        let expected = GaussianModel::of_spectrum(operator, &stationary)?.expected_energy().sqrt();
        let mut samples = operator.range().zeros();
        let (mut sum, mut count) = (0.0, 0);
        for (image, scale) in images {
            operator.forward(image, samples.view_mut())?;
            sum += vector::norm(samples.as_slice().unwrap_or_default()) / (f64::from(scale) * expected);
            count += 1;
        }
        if count == 0 {
            return Err(Error::parameter("Gaussian spectrum: energy", "images", "at least 1", 0));
        }
        stationary.rescaled((sum / f64::from(count)) as f32)
    }
}

/// The normal distribution of the images that a measurement and the prior leave possible.
pub struct Posterior<'a> {
    operator: &'a dyn ForwardOperator,
    whitened: Whitened<'a>,
    scale: f32,
    sigma: f32,
}

/// White image of a posterior mean.
struct WhiteSolution {
    white: ArrayD<Complex32>,
    iterations: usize,
    residual: f64,
}

impl Posterior<'_> {
    fn gain(&self) -> f64 {
        f64::from(self.scale / self.sigma)
    }

    /// The mean, by at most `iterations` preconditioned steps of conjugate gradients on
    /// `(g^2 L A^H A L + I) w = g L A^H y / sigma`, `g = m / sigma`, that end when the residual falls below `tolerance` of the
    /// right-hand side; about ten steps reach 1e-4.
    ///
    /// # Errors
    /// Those of the operator, and [`Error::External`] when conjugate gradients break down.
    pub fn mean(&self, samples: View<'_>, iterations: usize, tolerance: f64) -> Result<MmseImage> {
        let WhiteSolution { white, iterations, residual } = self.solve(samples, None, iterations, tolerance)?;
        let image = self.whitened.colour(&white).mapv(|value| value * self.scale);
        Ok(MmseImage { image, scale: self.scale, sigma: self.sigma, iterations, residual })
    }

    /// The [mean](Self::mean) that the noise-free measurement of `image` (coefficient, y, x) would have.
    ///
    /// # Errors
    /// As [`mean`](Self::mean).
    pub fn response(&self, image: View<'_>, iterations: usize, tolerance: f64) -> Result<ArrayD<Complex32>> {
        let mut samples = self.operator.range().zeros();
        self.operator.forward(image, samples.view_mut())?;
        Ok(self.mean(samples.view(), iterations, tolerance)?.image)
    }

    /// An exact draw, but for the tolerance of the solution: perturb and maximise (Papandreou and Yuille 2010). With a draw
    /// `x'` of the prior and a draw `n'` of the noise, `x' + mean(y - A x' - n')` has mean and covariance of the posterior.
    ///
    /// # Errors
    /// As [`mean`](Self::mean).
    pub fn sample(
        &self,
        samples: View<'_>,
        iterations: usize,
        tolerance: f64,
        rng: &mut Rng,
    ) -> Result<ArrayD<Complex32>> {
        let white = unit_noise(&self.operator.domain().shape(), rng);
        let mut image = self.whitened.colour(&white).mapv(|value| value * self.scale);
        let mut difference = self.operator.range().zeros();
        self.operator.forward(image.view(), difference.view_mut())?;
        let noise = unit_noise(&self.operator.range().shape(), rng);
        ndarray::Zip::from(&mut difference)
            .and(&samples)
            .and(&noise)
            .for_each(|value, sample, noise| *value = sample - *value - noise * self.sigma);
        image += &self.mean(difference.view(), iterations, tolerance)?.image;
        Ok(image)
    }

    fn solve(
        &self,
        samples: View<'_>,
        start: Option<&ArrayD<Complex32>>,
        iterations: usize,
        tolerance: f64,
    ) -> Result<WhiteSolution> {
        let mut right_hand_side = self.operator.domain().zeros();
        let inverse = 1.0 / self.sigma;
        let scaled = samples.mapv(|value| value * inverse);
        self.whitened.adjoint(scaled.view(), right_hand_side.view_mut())?;
        let outcome = ConjugateGradient {
            operator: &self.whitened,
            damping: 1.0,
            right_hand_side: &right_hand_side,
            warm_start: start,
            settings: CgSettings {
                max_iterations: iterations,
                relative_tolerance: tolerance,
                preconditioned: Some(true),
                ..CgSettings::default()
            },
        }
        .solve()?;
        if let StopReason::Breakdown(reason) = outcome.stop {
            return Err(Error::external(OPERATION, format!("conjugate gradients broke down: {reason:?}")));
        }
        let norm = vector::norm(right_hand_side.as_slice().unwrap_or_default());
        let residual = if norm > 0.0 { outcome.state.residual_norm / norm } else { 0.0 };
        Ok(WhiteSolution { white: outcome.state.solution, iterations: outcome.iterations, residual })
    }
}

/// Complex noise of variance 1.
fn unit_noise(shape: &[usize], rng: &mut Rng) -> ArrayD<Complex32> {
    let mut normal = || -> f32 { StandardNormal.sample(&mut *rng) };
    ArrayD::from_shape_simple_fn(shape, || Complex32::new(normal(), normal()) * std::f32::consts::FRAC_1_SQRT_2)
}

/// Matrices (coefficient, coefficient, y, x) times a factor, as (x, pair, y).
fn sorted(matrices: &ArrayD<f32>, planes: usize, size: [usize; 2], factor: f32) -> Vec<f32> {
    let [height, width] = size;
    let pairs = planes * (planes + 1) / 2;
    let values = matrices.as_standard_layout();
    let values = values.as_slice().unwrap_or_default();
    let mut kernels = vec![0.0; width * pairs * height];
    kernels.par_chunks_mut(pairs * height).enumerate().for_each(|(x, column)| {
        let entries = (0..planes).flat_map(|i| (i..planes).map(move |j| i * planes + j));
        for (line, entry) in column.chunks_exact_mut(height).zip(entries) {
            let values = values[entry * height * width + x..].iter().step_by(width);
            line.iter_mut().zip(values).for_each(|(kernel, value)| *kernel = factor * value);
        }
    });
    kernels
}

/// `L C L` in every point of Fourier space; `symbol` and the result are (x, pair, y).
fn sandwich(root: &Multiplier, symbol: &[f32]) -> Vec<f32> {
    let [height, width] = root.grid();
    let k = root.planes();
    let pairs: Vec<(usize, usize)> = (0..k).flat_map(|i| (i..k).map(move |j| (i, j))).collect();
    let points = (height * width) as f32;
    let length = pairs.len() * height;
    let mut kernels = vec![0.0; width * length];
    let inputs = root.kernels().par_chunks_exact(length).zip(symbol.par_chunks_exact(length));
    kernels.par_chunks_mut(length).zip(inputs).for_each(|(column, (root, symbol))| {
        let [mut l, mut c, mut product] = [(); 3].map(|()| vec![0.0f32; k * k]);
        for y in 0..height {
            for (index, (i, j)) in pairs.iter().enumerate() {
                // The root's kernels undo the two transforms of an application; here the matrix itself counts.
                let (root, symbol) = (points * root[index * height + y], symbol[index * height + y]);
                (l[i * k + j], l[j * k + i]) = (root, root);
                (c[i * k + j], c[j * k + i]) = (symbol, symbol);
            }
            for i in 0..k {
                for j in 0..k {
                    product[i * k + j] = (0..k).map(|p| c[i * k + p] * l[p * k + j]).sum();
                }
            }
            for (index, (i, j)) in pairs.iter().enumerate() {
                column[index * height + y] = (0..k).map(|p| l[i * k + p] * product[p * k + j]).sum();
            }
        }
    });
    kernels
}

/// The linear estimate of an image.
#[derive(Clone, Debug)]
pub struct MmseImage {
    /// The posterior mean (coefficient, y, x), in the units of the measured image.
    pub image: ArrayD<Complex32>,
    /// The scale m of its proton density, found from the energy of the measurement.
    pub scale: f32,
    /// Standard deviation of the noise of a sample, given or estimated.
    pub sigma: f32,
    /// Steps of conjugate gradients.
    pub iterations: usize,
    /// Residual of the normal equations, as a share of the right-hand side.
    pub residual: f64,
}
