//! What training minimises.

use candle_core::Tensor;

use super::GaussianDiffusion;
use crate::Result;

/// Losses of each image of a batch, (batch).
#[derive(Clone, Debug)]
pub struct Loss {
    /// Mean squared error of the network's output.
    pub mean_squared_error: Tensor,
    /// Variational bound in bits per channel and pixel, which only trains a learned variance; absent with a fixed one.
    pub variational_bound: Option<Tensor>,
}

impl Loss {
    /// The losses of a network's output. All tensors (batch, channel, y, x).
    ///
    /// With EDM's preconditioning the squared error is EDM's weighted loss: the weights cancel the output's scale.
    ///
    /// # Errors
    /// When the shapes or the number of steps do not fit.
    pub fn new(
        diffusion: &GaussianDiffusion,
        output: &Tensor,
        clean: &Tensor,
        noisy: &Tensor,
        steps: &[usize],
    ) -> Result<Self> {
        let (predicted, interpolation) = diffusion.split_output(output, noisy)?;
        let target = diffusion.network_target(clean, noisy, steps)?;
        let mean_squared_error = mean_per_image(&(&predicted - target)?.sqr()?)?;
        let variational_bound = match interpolation {
            None => None,
            Some(interpolation) => {
                // The mean is trained by the squared error alone.
                let frozen = Tensor::cat(&[predicted.detach(), interpolation], 1)?;
                Some(variational_bound(diffusion, &frozen, clean, noisy, steps)?)
            }
        };
        Ok(Self { mean_squared_error, variational_bound })
    }

    /// Squared error plus `bound_weight` times the bound, (batch). Nichol & Dhariwal 2021 take the number of steps / 1000.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn hybrid(&self, bound_weight: f64) -> Result<Tensor> {
        Ok(match &self.variational_bound {
            None => self.mean_squared_error.clone(),
            Some(bound) => (&self.mean_squared_error + (bound * bound_weight)?)?,
        })
    }
}

/// The terms of the bound: Kullback-Leibler divergence from `q(x_{t-1} | x_t, x_0)`, at the first step the likelihood of
/// x_0. The likelihood is the density's, not that of 256 levels of grey: these images are no 8-bit pictures.
fn variational_bound(
    diffusion: &GaussianDiffusion,
    output: &Tensor,
    clean: &Tensor,
    noisy: &Tensor,
    steps: &[usize],
) -> Result<Tensor> {
    let prediction = diffusion.predict(output, noisy, steps, false)?;
    let true_mean = diffusion.posterior_mean(clean, noisy, steps)?;
    let log_variance = &prediction.log_variance;
    let precision = log_variance.neg()?.exp()?;
    let square = ((true_mean - &prediction.mean)?.sqr()? * &precision)?;
    let true_log_variance = diffusion.per_image(steps, |step| step.posterior_log_variance)?;
    let ratio = log_variance.broadcast_sub(&true_log_variance)?;
    let divergence = (((&ratio + ratio.neg()?.exp()?)? + square)? - 1.0)?;

    let log_two_pi = (2.0 * std::f64::consts::PI).ln();
    let likelihood = ((((clean - &prediction.mean)?.sqr()? * precision)? + log_variance)? + log_two_pi)?;
    let is_first = diffusion.per_image(steps, |step| if step.previous_abar < 1.0 { 0.0 } else { 1.0 })?;
    let term = (divergence.broadcast_mul(&(1.0 - &is_first)?)? + likelihood.broadcast_mul(&is_first)?)?;
    Ok((mean_per_image(&term)? * (0.5 / std::f64::consts::LN_2))?)
}

fn mean_per_image(x: &Tensor) -> Result<Tensor> {
    Ok(x.flatten_from(1)?.mean(1)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;
    use crate::diffusion::{DiffusionConfig, Variance};
    use crate::tensors_for_tests::random;

    fn diffusion() -> Result<GaussianDiffusion> {
        DiffusionConfig { variance: Variance::LearnedRange, ..DiffusionConfig::default() }.diffusion()
    }

    /// A network that knows the noise and says the posterior's variance has no loss, except at the first step.
    #[test]
    fn the_perfect_network_has_no_loss() -> Result<()> {
        let diffusion = diffusion()?;
        let (clean, noise) = (random(&[3, 2, 4, 4], 1), random(&[3, 2, 4, 4], 2));
        let steps = [999, 400, 1];
        let noisy = diffusion.add_noise(&clean, &steps, &noise)?;
        let output = Tensor::cat(&[noise.clone(), (noise.zeros_like()? - 1.0)?], 1)?;
        let loss = Loss::new(&diffusion, &output, &clean, &noisy, &steps)?;
        for value in loss.hybrid(1.0)?.to_vec1::<f32>()? {
            assert!(value.abs() < 1e-4, "{value}");
        }
        Ok(())
    }

    #[test]
    fn the_bound_trains_the_variance_only() -> Result<()> {
        let diffusion = diffusion()?;
        let (clean, noise) = (random(&[2, 1, 4, 4], 3), random(&[2, 1, 4, 4], 4));
        let steps = [500, 0];
        let noisy = diffusion.add_noise(&clean, &steps, &noise)?;
        let output = Var::from_tensor(&random(&[2, 2, 4, 4], 5))?;
        let loss = Loss::new(&diffusion, output.as_tensor(), &clean, &noisy, &steps)?;
        let Some(bound) = loss.variational_bound else { panic!("no bound") };
        let gradients = bound.sum_all()?.backward()?;
        let Some(gradient) = gradients.get(&output) else { panic!("no gradient") };
        assert_eq!(gradient.narrow(1, 0, 1)?.abs()?.sum_all()?.to_scalar::<f32>()?, 0.0);
        assert!(gradient.narrow(1, 1, 1)?.abs()?.sum_all()?.to_scalar::<f32>()? > 0.0);
        Ok(())
    }

    /// Closed form for one pixel: a wrong variance costs `(ln r + 1 / r - 1) / 2` nats.
    #[test]
    fn the_divergence_has_its_closed_form() -> Result<()> {
        let diffusion = diffusion()?;
        let (clean, noise) = (random(&[1, 1, 1, 1], 6), random(&[1, 1, 1, 1], 7));
        let noisy = diffusion.add_noise(&clean, &[300], &noise)?;
        let output = Tensor::cat(&[noise.clone(), noise.ones_like()?], 1)?;
        let loss = Loss::new(&diffusion, &output, &clean, &noisy, &[300])?;
        let Some(bound) = loss.variational_bound else { panic!("no bound") };
        let step = diffusion.steps()[300];
        let ratio = step.beta / step.posterior_variance;
        let expected = (ratio.ln() + 1.0 / ratio - 1.0) / 2.0 / std::f64::consts::LN_2;
        let got = f64::from(bound.to_vec1::<f32>()?[0]);
        assert!((got - expected).abs() < 2e-6, "{got} {expected}");
        Ok(())
    }
}
