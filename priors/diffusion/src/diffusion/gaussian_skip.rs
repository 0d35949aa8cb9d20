//! Denoising around the Gaussian estimate.

use diph_gaussian::Spectrum;
use diph_network::{Error, Result};
use ndarray::{Array2, Array3, ArrayView3, Zip};
use num_complex::Complex32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::preconditioning::noise_time;

/// The preconditioning of Karras et al. 2022 with a stationary normal distribution in the place of white noise:
///
/// `x_0 = b + W (y - b) + c F(view, time)` for the noisy image `y = x_0 + sigma n`.
///
/// b is the condition image, or zero for an unconditional network; `W = S (S + 2 sigma^2)^-1` is the Wiener filter of the covariance S of
/// `x_0 - b` over coefficients and frequencies, and c the deviation of each coefficient that this filter leaves. Without a network, `F = 0`,
/// the denoiser is that of the normal distribution; the network's target has unit variance in every coefficient at every noise level as
/// far as images are normal, so that it learns only what is not. Where S is white this is EDM with one `sigma_data` for each coefficient.
///
/// The network sees, in units in which each is about 1: `y - b`, its filtered image, and b.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianSkip {
    /// Covariance of `x_0 - b` in rings of Fourier space: for each ring, from the centre to half a cycle per pixel and the corners beyond, the
    /// K x K matrix row by row. An empty list stands for one that is still to be measured.
    pub rings: Vec<Vec<f32>>,
    /// Root mean square of real and imaginary part of each coefficient of the condition image; empty without one.
    pub condition_sizes: Vec<f32>,
    /// The coefficient whose phase is taken from everything that the network sees, and given back to its answer: of b, or of the filtered
    /// image where there is no condition. Responses are real, so that most of what is left is real too.
    pub phase_coefficient: Option<usize>,
}

const SETTING: &str = "diffusion.parametrisation.gaussian";

impl GaussianSkip {
    /// Whether the covariance is still to be measured.
    pub fn is_missing(&self) -> bool {
        self.rings.is_empty()
    }

    /// Real planes that the network sees of images of `coefficients`, with a condition image or without.
    pub fn planes(coefficients: usize, condition: bool) -> usize {
        2 * coefficients * (2 + usize::from(condition))
    }

    /// Fails on numbers that do not fit to images of `coefficients`, with a condition image or without.
    pub(crate) fn check(&self, coefficients: usize, condition: bool) -> Result<()> {
        if self.is_missing() {
            let expected = "a covariance (training measures it on its images)";
            return Err(Error::setting(format!("{SETTING}.rings"), expected, "none"));
        }
        self.spectrum(coefficients)?;
        let expected = if condition { coefficients } else { 0 };
        let sizes = &self.condition_sizes;
        if sizes.len() != expected || sizes.iter().any(|size| !(size.is_finite() && *size > 0.0)) {
            let expected = format!("{expected} positive numbers");
            return Err(Error::setting(format!("{SETTING}.condition_sizes"), expected, format!("{sizes:?}")));
        }
        match self.phase_coefficient.filter(|k| *k >= coefficients) {
            Some(k) => {
                let expected = format!("one of {coefficients} coefficients, counted from 0");
                Err(Error::setting(format!("{SETTING}.phase_coefficient"), expected, k))
            }
            None => Ok(()),
        }
    }

    fn spectrum(&self, coefficients: usize) -> Result<Spectrum> {
        let values: Vec<f32> = self.rings.iter().flatten().copied().collect();
        let shape = (self.rings.len(), coefficients, coefficients);
        let fault = |error: &dyn std::fmt::Display| {
            let expected = format!("symmetric {coefficients} x {coefficients} matrices of two rings at least");
            Error::setting(format!("{SETTING}.rings"), expected, error)
        };
        let rings = Array3::from_shape_vec(shape, values).map_err(|error| fault(&error))?;
        // A filter does not look at the temporal basis of the images.
        Spectrum::new(Array2::zeros((1, coefficients)), rings, 1).map_err(|error| fault(&error))
    }
}

/// [`GaussianSkip`], ready for images (coefficient, y, x).
#[derive(Debug)]
pub(crate) struct WienerSkip {
    spectrum: Spectrum,
    config: GaussianSkip,
    /// Variance of the real part of each coefficient.
    variances: Vec<f64>,
}

/// A noisy image as the network sees it, and what makes an image of its answer.
pub(crate) struct NetworkView {
    /// (plane, y, x).
    pub planes: Array3<f32>,
    /// What the network is told as time.
    pub time: f64,
    /// The estimate without a network, `b + W (y - b)`.
    pub estimate: Array3<Complex32>,
    /// Deviation of each coefficient around the estimate.
    output: Vec<f32>,
    /// Unit factors (y, x) by which planes are turned.
    turn: Option<Array2<Complex32>>,
}

impl WienerSkip {
    pub fn new(config: &GaussianSkip, coefficients: usize) -> Result<Self> {
        let spectrum = config.spectrum(coefficients)?;
        let variances = spectrum.pixel_variances(spectrum.rings()).into_iter().map(|variance| variance / 2.0).collect();
        Ok(Self { spectrum, config: config.clone(), variances })
    }

    pub fn spectrum(&self) -> &Spectrum {
        &self.spectrum
    }

    /// The view of `noisy` at the noise level `sigma`, with the condition image b of the same shape.
    pub fn view(
        &self,
        noisy: ArrayView3<'_, Complex32>,
        sigma: f64,
        base: Option<ArrayView3<'_, Complex32>>,
    ) -> NetworkView {
        let residual = match base {
            Some(base) => &noisy - &base,
            None => noisy.to_owned(),
        };
        let noise = 2.0 * sigma * sigma;
        let filtered = self.filtered(&residual, self.spectrum.map(|variance| variance / (variance + noise)));
        let left = self.spectrum.map(|variance| variance * noise / (variance + noise));
        let left = self.spectrum.pixel_variances(left.view());

        let turn = self.config.phase_coefficient.map(|k| {
            let reference = base.unwrap_or(filtered.view());
            reference.index_axis(ndarray::Axis(0), k).mapv(unit)
        });
        let (k, height, width) = noisy.dim();
        let count = GaussianSkip::planes(k, base.is_some());
        let mut planes = Planes { planes: Array3::zeros((count, height, width)), next: 0, turn: turn.as_ref() };
        let sizes = |extra: f64| self.variances.iter().map(move |variance| (variance + extra).sqrt() as f32);
        planes.push(residual.view(), sizes(sigma * sigma));
        planes.push(filtered.view(), sizes(0.0));
        if let Some(base) = base {
            planes.push(base, self.config.condition_sizes.iter().copied());
        }
        NetworkView {
            planes: planes.planes,
            time: noise_time(sigma),
            estimate: base.map_or_else(|| filtered.clone(), |base| &base + &filtered),
            output: left.into_iter().map(|variance| (variance / 2.0).sqrt() as f32).collect(),
            turn,
        }
    }

    fn filtered(&self, image: &Array3<Complex32>, filter: Array3<f32>) -> Array3<Complex32> {
        let (_, height, width) = image.dim();
        let image = image.as_standard_layout();
        let mut result = Array3::zeros(image.raw_dim());
        if let (Some(from), Some(to)) = (image.as_slice(), result.as_slice_mut()) {
            self.spectrum.multiplier(filter.view(), [height, width]).apply(from, None, false, to);
        }
        result
    }
}

impl NetworkView {
    /// What the network should answer: the planes re_0, im_0, re_1, ... of the deviation of `clean` from the estimate.
    pub fn target(&self, clean: ArrayView3<'_, Complex32>) -> Array3<f32> {
        let (k, height, width) = clean.dim();
        let difference = &clean - &self.estimate;
        let mut planes = Planes { planes: Array3::zeros((2 * k, height, width)), next: 0, turn: self.turn.as_ref() };
        planes.push(difference.view(), self.output.iter().copied());
        planes.planes
    }

    /// The image of the network's answer.
    pub fn clean(self, answer: ArrayView3<'_, f32>) -> Array3<Complex32> {
        let mut clean = self.estimate;
        for ((k, y, x), value) in clean.indexed_iter_mut() {
            let deviation = Complex32::new(answer[[2 * k, y, x]], answer[[2 * k + 1, y, x]]) * self.output[k];
            *value += self.turn.as_ref().map_or(deviation, |turn| deviation * turn[[y, x]].conj());
        }
        clean
    }
}

/// Planes that are filled one image after the other.
struct Planes<'a> {
    planes: Array3<f32>,
    next: usize,
    turn: Option<&'a Array2<Complex32>>,
}

impl Planes<'_> {
    fn push(&mut self, image: ArrayView3<'_, Complex32>, sizes: impl Iterator<Item = f32>) {
        for (coefficient, size) in image.outer_iter().zip(sizes) {
            let turned = match self.turn {
                Some(turn) => &coefficient * turn,
                None => coefficient.to_owned(),
            };
            for part in [|value: &Complex32| value.re, |value: &Complex32| value.im] {
                let mut plane = self.planes.index_axis_mut(ndarray::Axis(0), self.next);
                Zip::from(&mut plane).and(&turned).for_each(|plane, value| *plane = part(value) / size);
                self.next += 1;
            }
        }
    }
}

/// The factor of modulus 1 that makes a value real and positive.
fn unit(value: Complex32) -> Complex32 {
    let size = value.norm();
    if size > 0.0 { value.conj() / size } else { Complex32::ONE }
}

#[cfg(test)]
#[path = "gaussian_skip_tests.rs"]
mod tests;
