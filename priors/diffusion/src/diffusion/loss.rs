//! What training minimises.

use diph_network::Tensor;

use super::GaussianDiffusion;
use crate::Result;

/// Losses of each image of a batch, and what their gradient is made of.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Mean squared error of the network's output, one for each image.
    pub mean_squared_error: Vec<f32>,
    /// Variational bound in bits per channel and pixel, which only trains a learned variance; absent with a fixed one.
    pub variational_bound: Option<Vec<f32>>,
    difference: Tensor,
    bound: Option<Bound>,
}

/// From nats, of which a Gaussian's divergence has the half, to bits.
const BITS: f64 = 0.5 / std::f64::consts::LN_2;

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
        let difference = predicted.zip(&target, |predicted, target| predicted - target)?;
        let bound = match interpolation {
            None => None,
            Some(_) => Some(Bound::new(diffusion, output, clean, noisy, steps)?),
        };
        Ok(Self {
            mean_squared_error: mean_squares(&difference),
            variational_bound: bound.as_ref().map(Bound::values).transpose()?,
            difference,
            bound,
        })
    }

    /// Squared error plus `bound_weight` times the bound, for each image. Nichol & Dhariwal 2021 take the number of steps / 1000.
    pub fn hybrid(&self, bound_weight: f64) -> Vec<f32> {
        match &self.variational_bound {
            None => self.mean_squared_error.clone(),
            Some(bound) => {
                let pairs = self.mean_squared_error.iter().zip(bound);
                pairs.map(|(error, bound)| error + bound * bound_weight as f32).collect()
            }
        }
    }

    /// The gradient of the sum of the images' hybrid losses, each times its weight, with respect to the network's output. The mean is
    /// trained by the squared error alone, the variance by the bound alone.
    ///
    /// # Errors
    /// When there is not one weight for each image.
    pub fn gradient(&self, weights: &[f32], bound_weight: f64) -> Result<Tensor> {
        let of_mean = square_gradient(&self.difference, weights)?;
        match &self.bound {
            None => Ok(of_mean),
            Some(bound) => Ok(of_mean.joined(&bound.gradient(weights, bound_weight)?)?),
        }
    }
}

/// The terms of the bound: Kullback-Leibler divergence from `q(x_{t-1} | x_t, x_0)`, at the first step the likelihood of
/// x_0. The likelihood is the density's, not that of 256 levels of grey: these images are no 8-bit pictures.
///
/// With l the logarithm of the variance and d its distance from the true one they are `d + exp(-d) + error^2 exp(-l) - 1` and
/// `error^2 exp(-l) + l + ln(2 pi)`.
#[derive(Clone, Debug)]
struct Bound {
    log_variance: Tensor,
    /// Square of the distance of the true mean from the predicted one.
    mean_error: Tensor,
    /// Square of the distance of the image from the predicted mean.
    image_error: Tensor,
    /// For each image: the true logarithm of the variance, what lies between the least and the largest one, and whether the step is the
    /// first, 1 or 0.
    true_log_variance: Vec<f32>,
    range: Vec<f32>,
    is_first: Vec<f32>,
}

impl Bound {
    fn new(
        diffusion: &GaussianDiffusion,
        output: &Tensor,
        clean: &Tensor,
        noisy: &Tensor,
        steps: &[usize],
    ) -> Result<Self> {
        let prediction = diffusion.predict(output, noisy, steps, false)?;
        let true_mean = diffusion.posterior_mean(clean, noisy, steps)?;
        let square_of_difference = |a: f32, b: f32| (a - b) * (a - b);
        let true_log_variance = diffusion.per_image(steps, |step| step.posterior_log_variance)?;
        let large = diffusion.per_image(steps, |step| step.beta.ln())?;
        Ok(Self {
            log_variance: prediction.log_variance,
            mean_error: true_mean.zip(&prediction.mean, square_of_difference)?,
            image_error: clean.zip(&prediction.mean, square_of_difference)?,
            range: large.iter().zip(&true_log_variance).map(|(large, small)| large - small).collect(),
            true_log_variance,
            is_first: diffusion.per_image(steps, |step| if step.previous_abar < 1.0 { 0.0 } else { 1.0 })?,
        })
    }

    /// A function of image, logarithm of the variance, and the two errors, at every value.
    fn at_every_value(&self, function: impl Fn(usize, f32, f32, f32) -> f32) -> Result<Tensor> {
        let len = image_len(&self.log_variance);
        let errors = self.mean_error.values().iter().zip(self.image_error.values());
        let all = self.log_variance.values().iter().zip(errors).enumerate();
        let values =
            all.map(|(index, (log_variance, (mean, image)))| function(index / len, *log_variance, *mean, *image));
        Ok(Tensor::new(self.log_variance.shape(), values.collect())?)
    }

    fn values(&self) -> Result<Vec<f32>> {
        let log_two_pi = (2.0 * std::f64::consts::PI).ln() as f32;
        let term = self.at_every_value(|image, log_variance, mean_error, image_error| {
            let precision = (-log_variance).exp();
            let distance = log_variance - self.true_log_variance[image];
            let divergence = ((distance + (-distance).exp()) + mean_error * precision) - 1.0;
            let likelihood = ((image_error * precision) + log_variance) + log_two_pi;
            divergence * (1.0 - self.is_first[image]) + likelihood * self.is_first[image]
        })?;
        Ok(means(&term).into_iter().map(|mean| mean * BITS as f32).collect())
    }

    /// With respect to the interpolation of the variance.
    fn gradient(&self, weights: &[f32], bound_weight: f64) -> Result<Tensor> {
        check_weights(&self.log_variance, weights)?;
        let share = 1.0 / image_len(&self.log_variance) as f64;
        self.at_every_value(|image, log_variance, mean_error, image_error| {
            let of_term = ((weights[image] * bound_weight as f32) * BITS as f32) * share as f32;
            let of_divergence = of_term * (1.0 - self.is_first[image]);
            let of_likelihood = of_term * self.is_first[image];
            let precision = (-log_variance).exp();
            let of_precision = of_likelihood * image_error + of_divergence * mean_error;
            let distance = log_variance - self.true_log_variance[image];
            let of_distance = of_divergence - of_divergence * (-distance).exp();
            let of_log_variance = (of_likelihood - of_precision * precision) + of_distance;
            (of_log_variance * self.range[image]) * 0.5
        })
    }
}

/// Values of an image.
fn image_len(x: &Tensor) -> usize {
    x.shape().iter().skip(1).product::<usize>().max(1)
}

fn check_weights(x: &Tensor, weights: &[f32]) -> Result<()> {
    let images = x.shape().first().copied().unwrap_or_default();
    match weights.len() == images {
        true => Ok(()),
        false => {
            Err(crate::Error::setting("weights of losses", format!("one for each of {images} images"), weights.len()))
        }
    }
}

/// The mean square of every image.
pub(crate) fn mean_squares(difference: &Tensor) -> Vec<f32> {
    means(&difference.map(|value| value * value))
}

/// The gradient of the mean squares' sum, each times its weight.
pub(crate) fn square_gradient(difference: &Tensor, weights: &[f32]) -> Result<Tensor> {
    check_weights(difference, weights)?;
    let share = 1.0 / image_len(difference) as f64;
    let gradient = |image: usize, value: f32| (value * (weights[image] * share as f32)) * 2.0;
    let len = image_len(difference);
    let values = difference.values().iter().enumerate().map(|(index, value)| gradient(index / len, *value));
    Ok(Tensor::new(difference.shape(), values.collect())?)
}

/// The mean of every image.
fn means(x: &Tensor) -> Vec<f32> {
    let len = image_len(x);
    x.values().chunks(len).map(|image| sum(image) * (1.0 / len as f64) as f32).collect()
}

/// A sum in four times eight running sums, which processors add at once; their order is the same everywhere.
fn sum(values: &[f32]) -> f32 {
    let mut sums = [[0.0_f32; 8]; 4];
    let (blocks, rest) = values.as_chunks::<32>();
    for block in blocks {
        for (sums, values) in sums.iter_mut().zip(block.as_chunks::<8>().0) {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
        }
    }
    let [a, b, c, d] = sums;
    let lanes: [f32; 8] = std::array::from_fn(|lane| (a[lane] + b[lane]) + (c[lane] + d[lane]));
    let halves: [f32; 4] = std::array::from_fn(|lane| lanes[lane] + lanes[lane + 4]);
    let total = (halves[0] + halves[1]) + (halves[2] + halves[3]);
    rest.iter().fold(total, |total, value| total + value)
}

#[cfg(test)]
mod tests {
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
        let output = noise.joined(&Tensor::filled(noise.shape(), -1.0))?;
        let loss = Loss::new(&diffusion, &output, &clean, &noisy, &steps)?;
        for value in loss.hybrid(1.0) {
            assert!(value.abs() < 1e-4, "{value}");
        }
        Ok(())
    }

    /// Along random directions, with every step's own weight; the mean is not moved by the bound.
    #[test]
    fn gradients_match_finite_differences() -> Result<()> {
        let diffusion = diffusion()?;
        let (clean, noise) = (random(&[2, 1, 4, 4], 3), random(&[2, 1, 4, 4], 4));
        let (steps, weights) = ([500, 0], [0.7, 1.3]);
        let noisy = diffusion.add_noise(&clean, &steps, &noise)?;
        let output = random(&[2, 2, 4, 4], 5);
        let loss = |output: &Tensor| Loss::new(&diffusion, output, &clean, &noisy, &steps);
        let gradient = loss(&output)?.gradient(&weights, 0.5)?;
        for (first, learned) in [(0, false), (1, true)] {
            let none = Tensor::filled([2, 1, 4, 4], 0.0);
            let direction = random(&[2, 1, 4, 4], 6);
            let direction = if learned { none.joined(&direction)? } else { direction.joined(&none)? };
            let moved = |step: f32| -> Result<f64> {
                let loss = loss(&output.zip(&direction, |output, direction| output + step * direction)?)?;
                let values = if learned { loss.hybrid(0.5) } else { loss.mean_squared_error };
                Ok(values.iter().zip(weights).map(|(value, weight)| f64::from(*value) * f64::from(weight)).sum())
            };
            let expected = (moved(1e-2)? - moved(-1e-2)?) / 2e-2;
            let products = gradient.values().iter().zip(direction.values()).map(|(a, b)| f64::from(*a) * f64::from(*b));
            let derivative: f64 = products.sum();
            assert!((derivative / expected - 1.0).abs() < 1e-2, "{first}: {derivative} {expected}");
        }
        Ok(())
    }

    /// Closed form for one pixel: a wrong variance costs `(ln r + 1 / r - 1) / 2` nats.
    #[test]
    fn the_divergence_has_its_closed_form() -> Result<()> {
        let diffusion = diffusion()?;
        let (clean, noise) = (random(&[1, 1, 1, 1], 6), random(&[1, 1, 1, 1], 7));
        let noisy = diffusion.add_noise(&clean, &[300], &noise)?;
        let output = noise.joined(&Tensor::filled([1, 1, 1, 1], 1.0))?;
        let loss = Loss::new(&diffusion, &output, &clean, &noisy, &[300])?;
        let Some(bound) = loss.variational_bound else { panic!("no bound") };
        let step = diffusion.steps()[300];
        let ratio = step.beta / step.posterior_variance;
        let expected = (ratio.ln() + 1.0 / ratio - 1.0) / 2.0 / std::f64::consts::LN_2;
        let got = f64::from(bound[0]);
        assert!((got - expected).abs() < 2e-6, "{got} {expected}");
        Ok(())
    }

    #[test]
    fn sums_are_sums() {
        let values = random(&[1001], 8).into_values();
        let exact: f64 = values.iter().map(|value| f64::from(*value)).sum();
        assert!((f64::from(sum(&values)) - exact).abs() < 1e-4);
    }
}
