//! The size of the training images.

use rayon::prelude::*;

use diph_gaussian::SpectrumSum;
use ndarray::{Array2, Array3, Axis};
use num_complex::Complex32;

use super::{SampleSource, TrainingSample};
use crate::{Error, GaussianSkip, Result};

/// Significant digits of a measured number; more would say nothing.
const DIGITS: usize = 6;

/// The root mean square of real and imaginary part of each coefficient, over all pixels of the first `count` images: what
/// [`SigmaData`](crate::SigmaData) is chosen from.
///
/// # Errors
/// When an image cannot be made, `count` is 0, or a coefficient is zero or not finite everywhere.
pub fn measure_sigma_data(source: &dyn SampleSource, count: u64) -> Result<Vec<f64>> {
    let mean_squares: Vec<Vec<f64>> =
        (0..count).into_par_iter().map(|number| mean_squares(source, number)).collect::<Result<_>>()?;
    let coefficients = mean_squares.first().map_or(0, Vec::len);
    if coefficients == 0 || mean_squares.iter().any(|image| image.len() != coefficients) {
        let expected = "images with the same number of coefficients, at least one";
        let got: Vec<usize> = mean_squares.iter().map(Vec::len).collect();
        return Err(Error::setting("images that sigma_data is measured from", expected, format!("{got:?}")));
    }
    let deviation = |coefficient: usize| {
        let sum: f64 = mean_squares.iter().map(|image| image[coefficient]).sum();
        let deviation = rounded((sum / count as f64).sqrt());
        match deviation.is_finite() && deviation > 0.0 {
            true => Ok(deviation),
            false => Err(Error::setting(format!("size of coefficient {coefficient}"), "a positive number", deviation)),
        }
    };
    (0..coefficients).map(deviation).collect()
}

/// Mean square of real and imaginary part of each coefficient of an image.
fn mean_squares(source: &dyn SampleSource, number: u64) -> Result<Vec<f64>> {
    Ok(mean_squares_of(&source.sample(number)?.clean))
}

fn mean_squares_of(image: &Array3<Complex32>) -> Vec<f64> {
    let mean_square = |coefficient: ndarray::ArrayView2<'_, num_complex::Complex32>| {
        let sum: f64 = coefficient.iter().map(|value| f64::from(value.re).powi(2) + f64::from(value.im).powi(2)).sum();
        sum / (2 * coefficient.len()) as f64
    };
    image.outer_iter().map(mean_square).collect()
}

/// The covariance of [`GaussianSkip`], and the sizes of the condition images, over the first `count` images; `skip` says the rest.
///
/// # Errors
/// When an image cannot be made, or they differ in their number of coefficients.
pub fn measure_gaussian_skip(source: &dyn SampleSource, count: u64, skip: &GaussianSkip) -> Result<GaussianSkip> {
    let samples: Vec<TrainingSample> =
        (0..count).into_par_iter().map(|number| source.sample(number)).collect::<Result<_>>()?;
    let fault =
        |error: diph_core::Error| Error::setting("images that the covariance is measured from", "others", error);
    let coefficients = samples.first().map_or(0, |sample| sample.clean.len_of(Axis(0)));
    let mut sum = SpectrumSum::new(Array2::zeros((1, coefficients)));
    let mut sizes = vec![0.0; coefficients];
    let mut conditions = 0.0;
    for TrainingSample { clean, condition, .. } in &samples {
        let Some(condition) = condition else {
            sum.add(clean.view(), 1.0).map_err(fault)?;
            continue;
        };
        sum.add((clean - condition).view(), 1.0).map_err(fault)?;
        sizes.iter_mut().zip(mean_squares_of(condition)).for_each(|(sum, square)| *sum += square);
        conditions += 1.0;
    }
    let spectrum = sum.finish().map_err(fault)?;
    let ring = |ring: ndarray::ArrayView2<'_, f32>| ring.iter().map(|value| rounded((*value).into()) as f32).collect();
    let condition_sizes = match conditions > 0.0 {
        true => sizes.into_iter().map(|sum| rounded((sum / conditions).sqrt()) as f32).collect(),
        false => Vec::new(),
    };
    Ok(GaussianSkip { rings: spectrum.rings().outer_iter().map(ring).collect(), condition_sizes, ..skip.clone() })
}

fn rounded(value: f64) -> f64 {
    let text = format!("{value:.*e}", DIGITS - 1);
    text.parse().unwrap_or(value)
}
