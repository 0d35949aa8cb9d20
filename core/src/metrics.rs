//! How far a result is from the truth.
//!
//! Errors are fractions, not percent. Means and medians stand side by side because the mean error of T2 is ruled by
//! the voxels of lowest T2.

use num_complex::{Complex32, Complex64};

use crate::vector;

/// `||x - reference|| / ||reference||`; NaN where the reference is zero.
pub fn nrmse(reference: &[Complex32], x: &[Complex32]) -> f64 {
    match vector::norm(reference) {
        0.0 => f64::NAN,
        norm => vector::distance(x, reference) / norm,
    }
}

/// [`nrmse`] after the best complex scale of `x`: proton density is known up to such a factor only.
pub fn nrmse_up_to_scale(reference: &[Complex32], x: &[Complex32]) -> f64 {
    let (reference_energy, energy) = (vector::norm_sqr(reference), vector::norm_sqr(x));
    if reference_energy == 0.0 {
        return f64::NAN;
    }
    if energy == 0.0 {
        return 1.0;
    }
    let scale: Complex64 = vector::dot(x, reference) / energy;
    let residual = (reference_energy - scale.norm_sqr() * energy).max(0.0);
    (residual / reference_energy).sqrt()
}

/// Signed relative errors `(value - reference) / |reference|` over the mask, voxels of reference 0 left out. Their mean is
/// the bias.
pub fn relative_errors<'a>(
    reference: impl IntoIterator<Item = &'a f32>,
    values: impl IntoIterator<Item = &'a f32>,
    mask: impl IntoIterator<Item = &'a bool>,
) -> Vec<f64> {
    reference
        .into_iter()
        .zip(values)
        .zip(mask)
        .filter(|((reference, _), inside)| **inside && **reference != 0.0)
        .map(|((reference, value), _)| f64::from(value - reference) / f64::from(reference.abs()))
        .collect()
}

/// Magnitudes of [`relative_errors`].
pub fn absolute_percentage_errors<'a>(
    reference: impl IntoIterator<Item = &'a f32>,
    values: impl IntoIterator<Item = &'a f32>,
    mask: impl IntoIterator<Item = &'a bool>,
) -> Vec<f64> {
    relative_errors(reference, values, mask).into_iter().map(f64::abs).collect()
}

/// Arithmetic mean of the values; NaN where there are none.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Median, the mean of the two middle values where their number is even; NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nrmse_of_a_scaled_image() {
        let reference = [Complex32::new(3.0, 4.0), Complex32::new(0.0, 5.0)];
        let rotated: Vec<Complex32> = reference.iter().map(|value| value * Complex32::new(0.0, 2.0)).collect();
        assert!((nrmse(&reference, &rotated) - 5f64.sqrt()).abs() < 1e-6);
        assert!(nrmse_up_to_scale(&reference, &rotated) < 1e-6);
        assert!(nrmse(&[Complex32::ZERO], &[Complex32::ONE]).is_nan());
    }

    #[test]
    fn relative_errors_skip_outside_and_zero() {
        let errors = relative_errors(&[2.0, 0.0, 4.0, 1.0], &[3.0, 1.0, 1.0, 9.0], &[true, true, true, false]);
        assert_eq!(errors, [0.5, -0.75]);
        let absolute = absolute_percentage_errors(&[2.0, 4.0], &[3.0, 1.0], &[true, true]);
        assert_eq!(absolute, [0.5, 0.75]);
        assert_eq!(mean(&errors), -0.125);
        assert_eq!(median(&errors), -0.125);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert!(median(&[]).is_nan());
    }
}
