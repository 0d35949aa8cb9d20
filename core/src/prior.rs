//! The image prior: what an image without noise and artefacts looks like.

use crate::{Error, NoiseSchedule, PriorContext, Result, SpatialAxes, View, ViewMut};

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
    /// When a shape does not fit or `sigma` is negative or not finite.
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
    /// When the schedule has no such number of steps.
    fn noise_schedule(&self, _steps: usize) -> Result<Option<NoiseSchedule>> {
        Ok(None)
    }

    /// Whether `denoise` is the proximal map of an absolutely homogeneous convex R, up to this relative accuracy.
    /// Such a map is non-expansive and obeys Moreau's identity, which the conformance kit then checks.
    fn proximal_accuracy(&self) -> Option<f32> {
        None
    }
}
