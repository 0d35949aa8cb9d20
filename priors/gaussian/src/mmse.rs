//! The posterior mean of a measurement.

use diph_core::{CgSettings, ConjugateGradient, Error, ForwardOperator, Result, StopReason, View, vector};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::Spectrum;
use crate::whitened::Whitened;

const OPERATION: &str = "linear MMSE estimate";
/// Share of the measurement's energy that counts as signal at least, where noise explains all of it.
const LEAST_SIGNAL: f64 = 1e-4;

/// Settings of [`mmse_image`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MmseSettings {
    /// Standard deviation of the noise of a sample, `sigma^2 = E |n|^2` over real and imaginary part together, in the units
    /// of the samples.
    pub sigma: f32,
    /// Steps of preconditioned conjugate gradients at most.
    pub iterations: usize,
    /// Stops when the residual of the normal equations falls below this share of the right-hand side.
    pub tolerance: f64,
}

impl MmseSettings {
    /// Settings for noise of this standard deviation, with as many steps as a residual of 1e-4 takes.
    pub fn new(sigma: f32) -> Self {
        Self { sigma, iterations: 15, tolerance: 1e-4 }
    }
}

/// The linear estimate of an image.
#[derive(Clone, Debug)]
pub struct MmseImage {
    /// The posterior mean (coefficient, y, x), in the units of the measured image.
    pub image: ArrayD<Complex32>,
    /// The scale m of its proton density, found from the energy of the measurement.
    pub scale: f32,
    /// Steps of conjugate gradients.
    pub iterations: usize,
    /// Residual of the normal equations, as a share of the right-hand side.
    pub residual: f64,
}

/// The image with the least expected square error among all linear estimates: the posterior mean under the stationary
/// Gaussian prior and white noise.
///
/// With `x = m L w`, w white, and `g = m / sigma` it is `x = m L w` of the solution of
/// `(I + g^2 L A^H A L) w = g L A^H y / sigma`, found by conjugate gradients with the preconditioner
/// `(g^2 L C L + I)^-1`, where C is the circulant stand-in of `A^H A` of the operator's
/// [preconditioner](ForwardOperator::preconditioner).
///
/// The scale is found from the energy of the measurement: `|y|^2 = m^2 c + n sigma^2` with the number n of samples and
/// `sqrt(c) = b sqrt(sum over points of Fourier space of tr(C S))`, where b is the spectrum's
/// [energy ratio](Spectrum::energy_ratio).
///
/// `operator` is the acquisition without data weights: the noise is white, so that its likelihood has none. `samples` have
/// the shape of the operator's range.
///
/// # Errors
/// [`Error::Incompatible`] for an operator without a circulant preconditioner, with data weights, or with images of another
/// number of coefficients or of three spatial axes; [`Error::Parameter`] for settings outside of their range and for samples
/// of zeros; [`Error::NotFinite`] and [`Error::Shape`] for samples that cannot be used.
pub fn mmse_image(
    operator: &dyn ForwardOperator,
    samples: View<'_>,
    spectrum: &Spectrum,
    settings: MmseSettings,
) -> Result<MmseImage> {
    let MmseSettings { sigma, iterations, tolerance } = settings;
    if !(sigma.is_finite() && sigma > 0.0) {
        return Err(Error::parameter(OPERATION, "sigma", "a positive number", sigma));
    }
    let size = image_size(operator, spectrum)?;
    let values = operator.range().slice(OPERATION, "k-space", &samples)?;
    if let Some(index) = vector::first_not_finite(values) {
        return Err(Error::NotFinite { operation: OPERATION.into(), role: "k-space".into(), index });
    }
    let symbol = symbol(operator)?;
    let energy = stationary_energy(spectrum, &symbol, size) * f64::from(spectrum.energy_ratio()).powi(2);
    let scale = estimate_scale(values, sigma, energy)?;

    let root = spectrum.multiplier(spectrum.square_roots().view(), size);
    let whitened = Whitened::new(operator, &root, scale / sigma, &symbol);
    let mut right_hand_side = operator.domain().zeros();
    let scaled = samples.mapv(|value| value / sigma);
    whitened.adjoint(scaled.view(), right_hand_side.view_mut())?;
    let norm = vector::norm(right_hand_side.as_slice().unwrap_or_default());
    let outcome = ConjugateGradient {
        operator: &whitened,
        damping: 1.0,
        right_hand_side: &right_hand_side,
        warm_start: None,
        settings: CgSettings {
            max_iterations: iterations,
            relative_tolerance: tolerance,
            preconditioned: true,
            ..CgSettings::default()
        },
    }
    .solve()?;
    if let StopReason::Breakdown(reason) = outcome.stop {
        return Err(Error::external(OPERATION, format!("conjugate gradients broke down: {reason:?}")));
    }
    let image = whitened.colour(&outcome.state.solution).mapv(|value| value * scale);
    let residual = if norm > 0.0 { outcome.state.residual_norm / norm } else { 0.0 };
    Ok(MmseImage { image, scale, iterations: outcome.iterations, residual })
}

impl Spectrum {
    /// Learns the [energy ratio](Self::energy_ratio): the mean over `images` (coefficient, y, x), each with its scale, of
    /// `|A x| / scale` beside that of a stationary image of this spectrum. `operator` is the acquisition without weights.
    ///
    /// # Errors
    /// As [`mmse_image`], and [`Error::Parameter`] without images.
    pub fn with_energy_ratio<'a>(
        self,
        operator: &dyn ForwardOperator,
        images: impl IntoIterator<Item = (View<'a>, f32)>,
    ) -> Result<Self> {
        let stationary = stationary_energy(&self, &symbol(operator)?, image_size(operator, &self)?).sqrt();
        let mut samples = operator.range().zeros();
        let (mut sum, mut count) = (0.0, 0);
        for (image, scale) in images {
            operator.forward(image, samples.view_mut())?;
            sum += vector::norm(samples.as_slice().unwrap_or_default()) / (f64::from(scale) * stationary);
            count += 1;
        }
        if count == 0 {
            return Err(Error::parameter("Gaussian spectrum: energy", "images", "at least 1", 0));
        }
        self.rescaled((sum / f64::from(count)) as f32)
    }
}

/// (height, width) of the operator's images, which have to fit the prior.
fn image_size(operator: &dyn ForwardOperator, spectrum: &Spectrum) -> Result<[usize; 2]> {
    if operator.data_weights()?.is_some() {
        return Err(Error::incompatible(OPERATION, "an operator without data weights", operator.name()));
    }
    match operator.domain().shape()[..] {
        [coefficients, height, width] if coefficients == spectrum.coefficients() => Ok([height, width]),
        _ => {
            let expected = format!("images of {} coefficients and two spatial axes", spectrum.coefficients());
            Err(Error::incompatible(OPERATION, expected, operator.domain()))
        }
    }
}

/// C of `A^H A`, (coefficient, coefficient, y, x).
fn symbol(operator: &dyn ForwardOperator) -> Result<ArrayD<f32>> {
    let symbol = match operator.preconditioner() {
        Some(preconditioner) => preconditioner.symbol()?,
        None => None,
    };
    symbol.ok_or_else(|| Error::incompatible(OPERATION, "an operator with a circulant preconditioner", operator.name()))
}

/// `sum over points of tr(C S)`: the energy that the measurement of a stationary image of scale 1 has without noise. Since C is
/// the orthogonal projection of `A^H A` on all circulant matrices, of which the covariance S is one, it is `tr(A S A^H)`.
fn stationary_energy(spectrum: &Spectrum, symbol: &ArrayD<f32>, size: [usize; 2]) -> f64 {
    let [height, width] = size;
    let k = spectrum.coefficients();
    let (rings, symbol) = (spectrum.rings(), symbol.as_slice().unwrap_or_default());
    let mut energy = 0.0;
    for y in 0..height {
        for x in 0..width {
            let ring = spectrum.ring([y, x], size);
            for i in 0..k {
                for j in 0..k {
                    energy += f64::from(symbol[((i * k + j) * height + y) * width + x] * rings[(ring, i, j)]);
                }
            }
        }
    }
    energy
}

/// m of `|y|^2 = m^2 c + n sigma^2`.
fn estimate_scale(samples: &[Complex32], sigma: f32, energy: f64) -> Result<f32> {
    let measured = vector::norm_sqr(samples);
    if measured == 0.0 {
        return Err(Error::parameter(OPERATION, "k-space", "a measurement with signal", "zeros"));
    }
    let noise = samples.len() as f64 * f64::from(sigma).powi(2);
    let signal = (measured - noise).max(LEAST_SIGNAL * measured);
    Ok((signal / energy.max(f64::MIN_POSITIVE)).sqrt() as f32)
}
