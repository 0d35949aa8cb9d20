//! The Gaussian prior as a denoiser.

use diph_core::{Error, GaussianRoot, ImageShape, Prior, PriorContext, Result, View, ViewMut, vector};
use ndarray::{Array3, Array4};
use num_complex::Complex32;

use crate::Spectrum;

const NAME: &str = "gaussian";
/// Smallest variance as a share of the largest, so that the penalty of every image is a number.
const LEAST_SHARE: f64 = 1e-12;

/// A stationary normal distribution of images around zero, with the covariance `m^2 S` in Fourier space of a [`Spectrum`] S and
/// a scale m: `R(x) = x^H (m^2 S)^-1 x` up to a constant.
///
/// Its proximal map, and at the same time the posterior mean of an image in white noise, is exact in Fourier space:
/// `denoise(noisy, sigma) = m^2 S (m^2 S + 2 sigma^2)^-1 noisy`. The 2 stands for the two parts of a complex number, each with
/// noise of variance `sigma^2`.
#[derive(Clone, Debug)]
pub struct GaussianPrior {
    spectrum: Spectrum,
    scale: f32,
}

impl GaussianPrior {
    /// A prior of images whose proton density has the `scale` m, in the units of the images.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the scale is not a positive number.
    pub fn new(spectrum: Spectrum, scale: f32) -> Result<Self> {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Error::parameter(NAME, "scale", "a positive number", scale));
        }
        Ok(Self { spectrum, scale })
    }

    /// The covariance of images of scale 1.
    pub fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }

    /// A function of the covariance's eigenvalues `m^2 s`, ring by ring.
    fn map(&self, function: impl Fn(f64) -> f64) -> Array3<f32> {
        let rings = self.spectrum.rings();
        let square = f64::from(self.scale).powi(2);
        let largest = rings.iter().fold(0.0f32, |largest, value| largest.max(*value));
        let least = (LEAST_SHARE * square * f64::from(largest)).max(f64::MIN_POSITIVE);
        self.spectrum.map(|value| function((square * value).max(least)))
    }
}

impl Prior for GaussianPrior {
    fn name(&self) -> &str {
        NAME
    }

    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        mut clean: ViewMut<'_>,
        _context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>> {
        if !(sigma.is_finite() && sigma >= 0.0) {
            return Err(Error::parameter(NAME, "sigma", "a number of at least 0", sigma));
        }
        let size = self.check(&noisy, &clean)?;
        let contiguous = |role: &str| Error::NotContiguous { operation: NAME.into(), role: role.into() };
        let values = noisy.to_slice().ok_or_else(|| contiguous("noisy image"))?;
        let result = clean.as_slice_mut().ok_or_else(|| contiguous("result"))?;
        let noise = 2.0 * f64::from(sigma).powi(2);
        if noise == 0.0 {
            result.copy_from_slice(values);
            let mut weighed = vec![Complex32::default(); values.len()];
            let inverse = self.map(f64::recip);
            self.spectrum.multiplier(inverse.view(), size).apply(values, None, false, &mut weighed);
            return Ok(Some(vector::dot(values, &weighed).re));
        }
        let filter = self.map(|variance| variance / (variance + noise));
        self.spectrum.multiplier(filter.view(), size).apply(values, None, false, result);
        // At the minimum the gradient of the misfit is that of the penalty: (m^2 S)^-1 clean = (noisy - clean) / noise.
        let penalty = (vector::dot(result, values).re - vector::norm_sqr(result)) / noise;
        Ok(Some(penalty))
    }

    fn gaussian_root(&self, coefficients: usize, image: &ImageShape) -> Result<Option<GaussianRoot>> {
        let [height, width] = image.require_plane(NAME)?;
        if coefficients != self.spectrum.coefficients() {
            let expected = format!("images of {} coefficients", self.spectrum.coefficients());
            return Err(Error::incompatible(NAME, expected, coefficients));
        }
        let roots = self.map(f64::sqrt);
        let entry =
            |(k, l, y, x): (usize, usize, usize, usize)| roots[(self.spectrum.ring([y, x], [height, width]), k, l)];
        let matrices = Array4::from_shape_fn((coefficients, coefficients, height, width), entry).into_dyn();
        Ok(Some(GaussianRoot { matrices, energy_ratio: self.spectrum.energy_ratio() }))
    }
}

impl GaussianPrior {
    /// (height, width) of images that it takes.
    fn check(&self, noisy: &View<'_>, clean: &ViewMut<'_>) -> Result<[usize; 2]> {
        let (coefficients, image) = ImageShape::split(NAME, noisy.shape())?;
        let size = image.require_plane(NAME)?;
        let expected = image.with_leading(self.spectrum.coefficients());
        let wrong = |role: &str, got: &[usize]| {
            Err(Error::Shape {
                operation: NAME.into(),
                role: role.into(),
                expected: expected.clone(),
                got: got.to_vec(),
            })
        };
        if coefficients != self.spectrum.coefficients() {
            return wrong("noisy image", noisy.shape());
        }
        if clean.shape() != noisy.shape() {
            return wrong("result", clean.shape());
        }
        match noisy.as_slice().and_then(vector::first_not_finite) {
            Some(index) => Err(Error::NotFinite { operation: NAME.into(), role: "noisy image".into(), index }),
            None => Ok(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ndarray::{Array2, ArrayD};
    use rand::SeedableRng;
    use rand_distr::{Distribution, StandardNormal};

    use super::*;

    fn prior() -> GaussianPrior {
        let matrix = [[4.0, 1.0], [1.0, 2.0]];
        let rings = Array3::from_shape_fn((9, 2, 2), |(ring, i, j)| matrix[i][j] / (1 + ring * ring) as f32);
        GaussianPrior::new(Spectrum::new(Array2::eye(2), rings, 3).unwrap(), 1.5).unwrap()
    }

    fn denoise(prior: &GaussianPrior, noisy: &ArrayD<Complex32>, sigma: f32) -> (ArrayD<Complex32>, f64) {
        let mut clean = noisy.clone();
        let conditions = BTreeMap::new();
        let mut rng = diph_core::Rng::seed_from_u64(0);
        let mut context = PriorContext { schedule: None, conditions: &conditions, rng: &mut rng };
        let penalty = prior.denoise(noisy.view(), sigma, clean.view_mut(), &mut context).unwrap();
        (clean, penalty.unwrap())
    }

    fn noise(shape: &[usize], seed: u64) -> ArrayD<Complex32> {
        let mut rng = diph_core::Rng::seed_from_u64(seed);
        let mut normal = || -> f32 { StandardNormal.sample(&mut rng) };
        ArrayD::from_shape_simple_fn(shape, || Complex32::new(normal(), normal()))
    }

    /// The proximal map of `sigma^2 R` is the least of `1/2 ||x - noisy||^2 + sigma^2 R(x)`.
    #[test]
    fn the_denoised_image_is_the_minimum() {
        let (prior, sigma) = (prior(), 0.7);
        let noisy = noise(&[2, 11, 14], 1);
        let (clean, penalty) = denoise(&prior, &noisy, sigma);
        let (_, same) = denoise(&prior, &clean, 0.0);
        assert!((penalty - same).abs() < 1e-3 * penalty, "{penalty} {same}");
        let objective = |x: &ArrayD<Complex32>| {
            let misfit: f64 = (x - &noisy).iter().map(|value| f64::from(value.norm_sqr())).sum();
            0.5 * misfit + f64::from(sigma).powi(2) * denoise(&prior, x, 0.0).1
        };
        let least = objective(&clean);
        for seed in 2..8 {
            let other = &clean + &noise(&[2, 11, 14], seed).mapv(|value| value * 0.02);
            assert!(objective(&other) > least);
        }
    }

    #[test]
    fn images_of_the_prior_have_its_covariance() {
        let prior = prior();
        let root = prior.gaussian_root(2, &ImageShape::plane(6, 5)).unwrap().unwrap().matrices;
        assert_eq!(root.shape(), [2, 2, 6, 5]);
        // L L = m^2 S at zero frequency.
        let l = |i, j| root[[i, j, 0, 0]];
        assert!((l(0, 0) * l(0, 0) + l(0, 1) * l(1, 0) - 1.5 * 1.5 * 4.0).abs() < 1e-4);
        assert!((l(0, 0) * l(0, 1) + l(0, 1) * l(1, 1) - 1.5 * 1.5).abs() < 1e-4);
    }

    #[test]
    fn wrong_images_are_refused() {
        let conditions = BTreeMap::new();
        let mut rng = diph_core::Rng::seed_from_u64(0);
        let mut context = PriorContext { schedule: None, conditions: &conditions, rng: &mut rng };
        for (shape, sigma) in [(&[3, 4, 4][..], 1.0), (&[2, 3, 4, 4], 1.0), (&[2, 4, 4], -1.0), (&[2, 4, 4], f32::NAN)]
        {
            let (noisy, mut clean) = (ArrayD::zeros(shape), ArrayD::zeros(shape));
            assert!(prior().denoise(noisy.view(), sigma, clean.view_mut(), &mut context).is_err(), "{shape:?} {sigma}");
        }
        assert!(GaussianPrior::new(prior().spectrum, 0.0).is_err());
    }
}
