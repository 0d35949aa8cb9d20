//! Posterior samples of a prior that knows its own spectrum: down the noise levels, with the data in every step.

use std::collections::HashMap;

use diph_core::{
    Conditions, Error, ForwardOperator, GaussianRoot, ImageShape, Iteration, Prior, PriorContext, Result, Rng,
    Solution, StopReason, View,
};
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{ArrayD, IxDyn, Zip};
use num_complex::Complex32;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::GaussianModel;

const NAME: &str = "posterior sampling";
/// Steps of conjugate gradients at most for the first image, from which the noise levels go down.
const FIRST_STEPS: usize = 12;
const FIRST_TOLERANCE: f64 = 1e-3;

/// Draws from the posterior of a measurement `y = A x + n` under a denoising prior.
///
/// At the noise level sigma the prior says where a clean image lies that looks like x_t under noise: around its denoised image D, with the
/// covariance `C = S 2 sigma^2 (S + 2 sigma^2)^-1` over coefficients and frequencies, where S is the covariance of the
/// [prior](Prior::gaussian_root) (of its images, or of their deviation from a condition image). Data and prior together then give
///
/// 1. `x_hat = argmin_u ||A u - y||^2 / (w sigma_y^2) + (u - D)^H C^-1 (u - D)`,
/// 2. `x_(t-1) = x_hat + sigma_(t-1) (sqrt(1 - f) (x_t - x_hat) / sigma_t + sqrt(f) e)` with fresh noise e.
///
/// For a normal prior x_hat is the exact mean of the clean image given x_t and y, and with `w = 1`, `f = 0` and many levels the end is an
/// exact draw (the probability flow of Song et al. 2021 towards the posterior; covariances as in Rozet et al. 2024). With `f = 1` what is
/// known is kept in x_hat alone: images that differ less than the posterior does, and lie nearer to its mean.
pub struct AnnealedPosterior<'a> {
    operator: &'a dyn ForwardOperator,
    samples: View<'a>,
    prior: &'a dyn Prior,
    conditions: &'a Conditions<'a>,
    settings: AnnealedPosteriorSettings,
    seed: u64,
    covariance: Covariance,
}

/// Settings of [`AnnealedPosterior`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnnealedPosteriorSettings {
    /// Number of noise levels, one for each step.
    pub iterations: usize,
    /// Largest and least noise level, in units of the intensity. Those between are spaced as Karras et al. 2022 do with rho = 7. The
    /// largest should exceed what the linear estimate of the measurement leaves open.
    pub levels: [f32; 2],
    /// Weight w of the noise's variance: above 1 the data count less, as they should where the prior knows more than its covariance says.
    pub noise_weight: f32,
    /// Standard deviation of the noise of a sample, over real and imaginary part, in the units of the samples; absent, it is estimated.
    pub sigma: Option<f32>,
    /// Share f of fresh noise in a step.
    pub fresh: f32,
    /// Steps of preconditioned conjugate gradients of a level at most, and the residual that ends them earlier.
    pub steps: usize,
    /// Residual of the normal equations, as a share of the right-hand side, that ends the steps of a level.
    pub tolerance: f64,
}

impl Default for AnnealedPosteriorSettings {
    fn default() -> Self {
        Self {
            iterations: 12,
            levels: [1.0, 0.01],
            noise_weight: 1.0,
            sigma: None,
            fresh: 0.0,
            steps: 4,
            tolerance: 1e-2,
        }
    }
}

impl AnnealedPosteriorSettings {
    /// Fails on numbers that make no sense.
    ///
    /// # Errors
    /// [`Error::Parameter`].
    pub fn check(&self) -> Result<()> {
        let fail = |name: &str, expected: &str, got: String| Err(Error::parameter(NAME, name, expected, got));
        let positive = |value: f32| value.is_finite() && value > 0.0;
        if self.iterations == 0 || self.steps == 0 {
            return fail("iterations and steps", "at least 1", format!("{} and {}", self.iterations, self.steps));
        }
        let [largest, least] = self.levels;
        if !(positive(least) && least < largest && largest.is_finite()) {
            return fail("levels", "two positive numbers, the larger first", format!("{:?}", self.levels));
        }
        if !positive(self.noise_weight) {
            return fail("noise_weight", "a positive number", self.noise_weight.to_string());
        }
        match (0.0..=1.0).contains(&self.fresh) {
            true => Ok(()),
            false => fail("fresh", "a number from 0 to 1", self.fresh.to_string()),
        }
    }

    /// The noise levels, largest first.
    fn sigmas(&self) -> Vec<f64> {
        const RHO: f64 = 7.0;
        let [largest, least] = self.levels.map(|level| f64::from(level).powf(1.0 / RHO));
        let last = (self.iterations - 1).max(1) as f64;
        (0..self.iterations).map(|step| (largest + step as f64 / last * (least - largest)).powf(RHO)).collect()
    }
}

/// State of [`AnnealedPosterior`]. Images are those of the operator's domain.
#[derive(Clone, Debug)]
pub struct AnnealedPosteriorState {
    /// Finished steps.
    pub step: usize,
    /// Noisy iterate.
    pub x_t: ArrayD<Complex32>,
    /// The image that fits data and prior.
    pub x_hat: ArrayD<Complex32>,
    /// Standard deviation of the noise of a sample.
    pub sigma: f32,
    /// `||x_hat - previous x_hat|| / ||x_hat||`.
    pub relative_change: f32,
    rng: Rng,
}

impl<'a> AnnealedPosterior<'a> {
    /// Draws from the posterior of `samples` of an operator without data weights.
    ///
    /// # Errors
    /// [`Error::Parameter`] for settings that make no sense and a prior without a covariance.
    pub fn new(
        operator: &'a dyn ForwardOperator,
        samples: View<'a>,
        prior: &'a dyn Prior,
        conditions: &'a Conditions<'a>,
        settings: AnnealedPosteriorSettings,
        seed: u64,
    ) -> Result<Self> {
        settings.check()?;
        let (coefficients, image) = ImageShape::split(NAME, &operator.domain().shape())?;
        let root = prior.gaussian_root(coefficients, &image)?;
        let expected =
            "a prior that knows its covariance: `diph.gaussian`, or a network with the parametrisation gaussian";
        let root = root.ok_or_else(|| Error::parameter(NAME, "prior", expected, prior.name()))?;
        Ok(Self { operator, samples, prior, conditions, settings, seed, covariance: Covariance::new(&root) })
    }

    /// `estimate + mean of (x - estimate)` for images around `estimate` with a covariance over coefficients and frequencies.
    fn fitted(
        &self,
        model: &GaussianModel<'_>,
        estimate: &ArrayD<Complex32>,
        sigma: f32,
        (steps, tolerance): (usize, f64),
    ) -> Result<ArrayD<Complex32>> {
        let residual = self.residual(estimate)?;
        let weighted = sigma * self.settings.noise_weight.sqrt();
        Ok(model.posterior(1.0, weighted).mean(residual.view(), steps, tolerance)?.image + estimate)
    }

    /// `y - A x`.
    fn residual(&self, image: &ArrayD<Complex32>) -> Result<ArrayD<Complex32>> {
        let mut predicted = self.operator.range().zeros();
        self.operator.forward(image.view(), predicted.view_mut())?;
        Zip::from(&mut predicted).and(&self.samples).for_each(|value, sample| *value = sample - *value);
        Ok(predicted)
    }

    /// Noise of variance 1 in real and imaginary part.
    fn noise(&self, rng: &mut Rng) -> ArrayD<Complex32> {
        let mut normal = || -> f32 { StandardNormal.sample(&mut *rng) };
        ArrayD::from_shape_simple_fn(self.operator.domain().shape(), || Complex32::new(normal(), normal()))
    }
}

impl Iteration for AnnealedPosterior<'_> {
    type State = AnnealedPosteriorState;

    /// The linear estimate under the prior's covariance, under noise of the largest level.
    fn start(&self) -> Result<AnnealedPosteriorState> {
        let mut rng = Rng::seed_from_u64(self.seed);
        // Conditional methods show the condition image under this name, whatever it is.
        let base = match self.conditions.get("low_res") {
            Some(image) => image.to_owned(),
            None => self.operator.domain().zeros(),
        };
        let model = GaussianModel::new(self.operator, &self.covariance.root(|variance| variance))?;
        let sigma = match self.settings.sigma {
            Some(sigma) => sigma,
            None => model.estimate_noise(self.residual(&base)?.view())?,
        };
        let x_hat = self.fitted(&model, &base, sigma, (FIRST_STEPS, FIRST_TOLERANCE))?;
        let x_t = &x_hat + &(self.noise(&mut rng) * Complex32::from(self.settings.levels[0]));
        Ok(AnnealedPosteriorState { step: 0, x_t, x_hat, sigma, relative_change: f32::INFINITY, rng })
    }

    fn step(&self, state: &mut AnnealedPosteriorState) -> Result<Option<StopReason>> {
        let sigmas = self.settings.sigmas();
        let Some(level) = sigmas.get(state.step) else {
            return Ok(Some(StopReason::MaxIterations));
        };
        let mut denoised = self.operator.domain().zeros();
        let mut context = PriorContext { schedule: None, conditions: self.conditions, rng: &mut state.rng };
        self.prior.denoise(state.x_t.view(), *level as f32, denoised.view_mut(), &mut context)?;
        let noise = 2.0 * level * level;
        let root = self.covariance.root(|variance| variance * noise / (variance + noise));
        let model = GaussianModel::new(self.operator, &root)?;
        let limits = (self.settings.steps, self.settings.tolerance);
        let x_hat = self.fitted(&model, &denoised, state.sigma, limits)?;

        let norm =
            |image: &ArrayD<Complex32>| image.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>().sqrt();
        state.relative_change = (norm(&(&x_hat - &state.x_hat)) / norm(&x_hat).max(f64::MIN_POSITIVE)) as f32;
        if let Some(next) = sigmas.get(state.step + 1) {
            let fresh = f64::from(self.settings.fresh);
            let (kept, new) = (((1.0 - fresh).sqrt() * next / level) as f32, (fresh.sqrt() * next) as f32);
            let noise = self.noise(&mut state.rng);
            Zip::from(&mut state.x_t).and(&x_hat).and(&noise).for_each(|x_t, x_hat, noise| {
                *x_t = x_hat + (*x_t - x_hat) * kept + noise * new;
            });
        }
        state.x_hat = x_hat;
        state.step += 1;
        Ok(None)
    }
}

impl Solution for AnnealedPosteriorState {
    fn image(&self) -> &ArrayD<Complex32> {
        &self.x_hat
    }

    fn relative_change(&self) -> f32 {
        self.relative_change
    }
}

/// The covariance S of a prior in the eigenvectors of each frequency.
struct Covariance {
    shape: Vec<usize>,
    /// Index of each frequency's matrix.
    index: Vec<usize>,
    eigen: Vec<SymmetricEigen<f64, nalgebra::Dyn>>,
    energy_ratio: f32,
}

impl Covariance {
    /// Frequencies of a ring share their matrix, so that there are few to decompose.
    fn new(root: &GaussianRoot) -> Self {
        let shape = root.matrices.shape().to_vec();
        let (k, points) = (shape[0], shape[2..].iter().product::<usize>());
        let values = root.matrices.as_standard_layout();
        let values = values.as_slice().unwrap_or_default();
        let (mut known, mut eigen, mut index) = (HashMap::new(), Vec::new(), Vec::with_capacity(points));
        for point in 0..points {
            let entries: Vec<f32> = (0..k * k).map(|entry| values[entry * points + point]).collect();
            let bits: Vec<u32> = entries.iter().map(|value| value.to_bits()).collect();
            index.push(*known.entry(bits).or_insert_with(|| {
                let matrix = DMatrix::from_fn(k, k, |i, j| f64::from(entries[i * k + j]));
                let mut found = SymmetricEigen::new(matrix);
                found.eigenvalues.apply(|value| *value *= *value);
                eigen.push(found);
                eigen.len() - 1
            }));
        }
        Self { shape, index, eigen, energy_ratio: root.energy_ratio }
    }

    /// The root of a function of the covariance.
    fn root(&self, function: impl Fn(f64) -> f64) -> GaussianRoot {
        let roots: Vec<DMatrix<f64>> = self
            .eigen
            .iter()
            .map(|SymmetricEigen { eigenvectors, eigenvalues }| {
                let values = eigenvalues.map(|value| function(value.max(f64::MIN_POSITIVE)).sqrt());
                eigenvectors * DMatrix::from_diagonal(&values) * eigenvectors.transpose()
            })
            .collect();
        let k = self.shape[0];
        let mut matrices = Vec::with_capacity(k * k * self.index.len());
        for i in 0..k {
            for j in 0..k {
                matrices.extend(self.index.iter().map(|index| roots[*index][(i, j)] as f32));
            }
        }
        let matrices = ArrayD::from_shape_vec(IxDyn(&self.shape), matrices);
        GaussianRoot { matrices: matrices.unwrap_or_default(), energy_ratio: self.energy_ratio }
    }
}
