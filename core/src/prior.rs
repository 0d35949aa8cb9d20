//! Image priors: denoisers and proximal maps, what they may look at beside the image, and the noise levels of an annealed run.

use std::collections::BTreeMap;

use ndarray::ArrayD;
use num_complex::Complex32;

use crate::{Error, ImageShape, Result, SpatialAxes, View, ViewMut};

/// A denoiser or proximal map with one scalar: the noise level.
///
/// `noisy = clean + sigma * n`, where the real and the imaginary part of `n` have unit variance each. A maximum a
/// posteriori prior with regulariser R returns `prox of sigma^2 R`; a diffusion prior returns its predicted x_0.
pub trait Prior: Send + Sync {
    /// Short name for messages, for example `total-variation`.
    fn name(&self) -> &str;

    /// Which images the prior takes. [`PlaneWise`](crate::PlaneWise) runs one of two spatial axes over the planes of a
    /// volume.
    fn spatial_axes(&self) -> SpatialAxes {
        SpatialAxes::Two
    }

    /// Writes the denoised image into `clean`. Both are (coefficient, y, x) or (coefficient, z, y, x), as
    /// [`spatial_axes`](Self::spatial_axes) says.
    ///
    /// Returns `R(clean)` where the prior is the proximal map of a penalty R, as `prox!` of ProximalOperators.jl does: often
    /// free, because the map works with the same numbers. `None` where there is no R. At `sigma` 0 the map is the identity,
    /// and the penalty that of `noisy`.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) or [`Error::NotContiguous`](crate::Error::NotContiguous) when a view does not fit,
    /// [`Error::Parameter`](crate::Error::Parameter) when `sigma` is negative or not finite, [`Error::NotFinite`](crate::Error::NotFinite) for
    /// a NaN or an infinity in the image.
    fn denoise(
        &self,
        noisy: View<'_>,
        sigma: f32,
        clean: ViewMut<'_>,
        context: &mut PriorContext<'_>,
    ) -> Result<Option<f64>>;

    /// Denoises several images of one shape, each as [`denoise`](Self::denoise) would with its own context. Override it where
    /// the images of a batch share work, as in a network.
    ///
    /// # Errors
    /// [`Error::Incompatible`] when there are not as many results and contexts as images, and those of `denoise`.
    fn denoise_batch(
        &self,
        noisy: &[View<'_>],
        sigma: f32,
        clean: &mut [ViewMut<'_>],
        contexts: &mut [PriorContext<'_>],
    ) -> Result<()> {
        if noisy.len() != clean.len() || noisy.len() != contexts.len() {
            let got = format!("{} results and {} contexts", clean.len(), contexts.len());
            return Err(Error::incompatible(self.name(), format!("a batch of {}", noisy.len()), got));
        }
        for ((noisy, clean), context) in noisy.iter().zip(clean).zip(contexts) {
            self.denoise(noisy.view(), sigma, clean.view_mut(), context)?;
        }
        Ok(())
    }

    /// The respaced noise schedule of a prior that is meant to be annealed; `None` for a prior without one.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) when the schedule cannot be respaced to so many steps.
    fn noise_schedule(&self, _steps: usize) -> Result<Option<NoiseSchedule>> {
        Ok(None)
    }

    /// Whether `denoise` is the proximal map of an absolutely homogeneous convex R, up to this relative accuracy.
    /// Such a map is non-expansive and obeys Moreau's identity, which the conformance kit then checks.
    fn proximal_accuracy(&self) -> Option<f32> {
        None
    }

    /// The covariance of a prior that is a stationary normal distribution around zero, for images of so many coefficients and
    /// this shape. Estimates in closed form build on it. `None` for every other prior.
    ///
    /// # Errors
    /// [`Error::Incompatible`](crate::Error::Incompatible) when the prior does not take such images.
    fn gaussian_root(&self, _coefficients: usize, _image: &ImageShape) -> Result<Option<GaussianRoot>> {
        Ok(None)
    }
}

/// The covariance of a stationary normal distribution of images, by its square root: with the unitary Fourier transform F an
/// image of scale 1 is `F^H L w` of white noise w, `E |w|^2 = 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianRoot {
    /// The symmetric matrix L over the coefficients at every frequency, `(coefficient, coefficient, [z,] y, x)`, frequencies in
    /// the order of the discrete Fourier transform, 0 first.
    pub matrices: ArrayD<f32>,
    /// How much less a measurement of true images holds than one of stationary images of this covariance, as a ratio of norms:
    /// heads lie in the middle of their images. 1 where nothing is known of it.
    pub energy_ratio: f32,
}

/// The one random generator of Diph: seeded, portable, and part of a solver's state.
pub type Rng = rand_chacha::ChaCha8Rng;

/// Condition images by name, such as `low_res`, in the shape `(coefficient, [z,] y, x)` of the noisy image. They are borrowed, so that
/// one image may bear several names and nothing is copied from call to call.
pub type Conditions<'a> = BTreeMap<String, View<'a>>;

/// Lends condition images that are kept by name.
pub fn lend_conditions(images: &BTreeMap<String, ArrayD<Complex32>>) -> Conditions<'_> {
    images.iter().map(|(name, image)| (name.clone(), image.view())).collect()
}

/// What a prior may look at beside the noisy image and its noise level.
pub struct PriorContext<'a> {
    /// Exact entry of the noise schedule in an annealed run.
    pub schedule: Option<ScheduleEntry>,
    /// Named condition images, for example `low_res`.
    pub conditions: &'a Conditions<'a>,
    /// Generator for priors that draw random numbers.
    pub rng: &'a mut Rng,
}

/// Entries of a respaced schedule, least noisy first, with `entries[i].index == i`.
#[derive(Clone, Debug, PartialEq)]
pub struct NoiseSchedule {
    /// The steps, least noisy first.
    pub entries: Vec<ScheduleEntry>,
}

/// One step of a noise schedule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScheduleEntry {
    /// Index in the respaced schedule; 0 is the least noisy.
    pub index: usize,
    /// Timestep of the schedule that the prior was trained with, 0..999.
    pub timestep: usize,
    /// Cumulative product of alphas: share of the signal's variance that is left.
    pub abar: f64,
}

impl ScheduleEntry {
    /// Noise level relative to the signal, `sqrt(1 - abar) / sqrt(abar)`.
    pub fn sigma(&self) -> f64 {
        ((1.0 - self.abar) / self.abar).sqrt()
    }
}
