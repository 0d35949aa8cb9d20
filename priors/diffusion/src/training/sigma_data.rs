//! The size of the training images.

use rayon::prelude::*;

use super::SampleSource;
use crate::{Error, Result};

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
    let image = source.sample(number)?.clean;
    let mean_square = |coefficient: ndarray::ArrayView2<'_, num_complex::Complex32>| {
        let sum: f64 = coefficient.iter().map(|value| f64::from(value.re).powi(2) + f64::from(value.im).powi(2)).sum();
        sum / (2 * coefficient.len()) as f64
    };
    Ok(image.outer_iter().map(mean_square).collect())
}

fn rounded(value: f64) -> f64 {
    let text = format!("{value:.*e}", DIGITS - 1);
    text.parse().unwrap_or(value)
}
