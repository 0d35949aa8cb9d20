//! The posterior mean of a measurement.

use diph_core::{ForwardOperator, Result, Rng, View};
use ndarray::ArrayD;
use num_complex::Complex32;
use serde::{Deserialize, Serialize};

use crate::{GaussianModel, MmseImage, Posterior, Spectrum};

/// Settings of [`mmse_image`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MmseSettings {
    /// Standard deviation of the noise of a sample, `sigma^2 = E |n|^2` over real and imaginary part together, in the units
    /// of the samples; `None` estimates it from the measurement.
    pub sigma: Option<f32>,
    /// Steps of preconditioned conjugate gradients at most.
    pub iterations: usize,
    /// Stops when the residual of the normal equations falls below this share of the right-hand side.
    pub tolerance: f64,
}

impl Default for MmseSettings {
    /// Estimated noise, and as many steps as a residual of 1e-4 takes.
    fn default() -> Self {
        Self { sigma: None, iterations: 15, tolerance: 1e-4 }
    }
}

impl MmseSettings {
    /// Settings for noise of this standard deviation.
    pub fn new(sigma: f32) -> Self {
        Self { sigma: Some(sigma), ..Self::default() }
    }
}

/// The image with the least expected square error among all linear estimates: the posterior mean under the stationary
/// Gaussian prior of `spectrum` and white noise. See [`GaussianModel`] for the equations.
///
/// `operator` is the acquisition without data weights: the noise is white, so that its likelihood has none. `samples` have
/// the shape of the operator's range. Its basis must be that of the spectrum ([`Spectrum::for_basis`]).
///
/// # Errors
/// [`Error::Incompatible`](diph_core::Error::Incompatible) for an operator whose preconditioner has no symbol, with data
/// weights, or with images of another number of coefficients or of three spatial axes;
/// [`Error::Parameter`](diph_core::Error::Parameter) for settings outside of their range and for samples of zeros;
/// [`Error::NotFinite`](diph_core::Error::NotFinite) and [`Error::Shape`](diph_core::Error::Shape) for samples that cannot
/// be used.
pub fn mmse_image(
    operator: &dyn ForwardOperator,
    samples: View<'_>,
    spectrum: &Spectrum,
    settings: MmseSettings,
) -> Result<MmseImage> {
    GaussianModel::of_spectrum(operator, spectrum)?.mmse(samples, settings)
}

impl GaussianModel<'_> {
    /// [`mmse_image`] of several measurements of one acquisition: what depends on the acquisition alone is there already.
    ///
    /// # Errors
    /// As [`mmse_image`].
    pub fn mmse(&self, samples: View<'_>, settings: MmseSettings) -> Result<MmseImage> {
        let posterior = self.posterior_of(samples.view(), settings)?;
        posterior.mean(samples, settings.iterations, settings.tolerance)
    }

    /// An image (coefficient, y, x) that is as probable as the measurement leaves it, in place of the mean of all such: an exact
    /// draw from the posterior of which [`mmse`](Self::mmse) is the mean, but for the tolerance of the settings.
    ///
    /// # Errors
    /// As [`mmse_image`].
    pub fn mmse_sample(&self, samples: View<'_>, settings: MmseSettings, rng: &mut Rng) -> Result<ArrayD<Complex32>> {
        let posterior = self.posterior_of(samples.view(), settings)?;
        posterior.sample(samples, settings.iterations, settings.tolerance, rng)
    }

    /// What [`mmse`](Self::mmse) would find in the noise-free measurement of `image` (coefficient, y, x), with noise and scale of
    /// `samples`. The estimate is linear once these are fixed: an estimate of `samples` minus this is the estimate of what `image`
    /// leaves unexplained in them.
    ///
    /// # Errors
    /// As [`mmse_image`].
    pub fn response(&self, samples: View<'_>, image: View<'_>, settings: MmseSettings) -> Result<ArrayD<Complex32>> {
        let posterior = self.posterior_of(samples, settings)?;
        posterior.response(image, settings.iterations, settings.tolerance)
    }

    /// The standard deviation of the noise of a sample: that of the settings, or estimated.
    ///
    /// # Errors
    /// As [`estimate_noise`](Self::estimate_noise).
    pub fn noise(&self, samples: View<'_>, settings: MmseSettings) -> Result<f32> {
        match settings.sigma {
            Some(sigma) => Ok(sigma),
            None => self.estimate_noise(samples),
        }
    }

    fn posterior_of(&self, samples: View<'_>, settings: MmseSettings) -> Result<Posterior<'_>> {
        let sigma = self.noise(samples.view(), settings)?;
        Ok(self.posterior(self.scale(samples, sigma)?, sigma))
    }
}
