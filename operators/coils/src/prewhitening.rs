//! Coils whose noise is uncorrelated.

use diph_core::{Error, Result};
use nalgebra::DMatrix;
use ndarray::{Array2, ArrayView2};
use num_complex::{Complex32, Complex64};

const OPERATION: &str = "prewhitening";

/// What makes the noise of coils uncorrelated and of one variance, after which least squares over all coils weighs each
/// by what it knows (Pruessmann et al. 2001): the inverse of the Cholesky factor of the noise covariance.
#[derive(Clone, Debug, PartialEq)]
pub struct Prewhitening {
    /// Covariance of the noise, (coil, coil).
    pub covariance: Array2<Complex64>,
    /// (new coil, coil), lower triangular: noise that is [mixed](crate::mix) by it has the covariance of `variance` times
    /// the unit matrix.
    pub matrix: Array2<Complex64>,
    /// Variance of the noise of every new coil: the mean over the old ones, so that data stay in their units.
    pub variance: f64,
}

impl Prewhitening {
    /// Out of noise (coil, sample) that was received without a signal.
    ///
    /// # Errors
    /// [`Error::Parameter`] for fewer than twice as many samples as coils, [`Error::NotFinite`] for NaN or infinity,
    /// [`Error::Incompatible`] where the noise of a coil is zero or follows from that of others.
    pub fn of_noise(noise: ArrayView2<'_, Complex32>) -> Result<Self> {
        let (coils, samples) = noise.dim();
        if coils == 0 || samples < 2 * coils {
            let expected = format!("at least {} samples for {coils} coils", (2 * coils).max(1));
            return Err(Error::parameter(OPERATION, "samples of noise", expected, samples));
        }
        if let Some(index) = noise.iter().position(|value| !value.is_finite()) {
            return Err(Error::NotFinite { operation: OPERATION.into(), role: "noise (coil, sample)".into(), index });
        }
        let noise = noise.mapv(|value| Complex64::new(value.re.into(), value.im.into()));
        let covariance = noise.dot(&noise.t().mapv(|value| value.conj())) / Complex64::from(samples as f64);
        let variance = covariance.diag().iter().map(|value| value.re).sum::<f64>() / coils as f64;
        let dependent = || {
            let expected = "noise of every coil that does not follow from that of the others";
            Error::incompatible(OPERATION, expected, "a covariance that is not positive definite")
        };
        let scaled = DMatrix::from_fn(coils, coils, |row, column| covariance[[row, column]] / variance);
        let factor = scaled.cholesky().ok_or_else(dependent)?.l();
        let inverse = factor.solve_lower_triangular(&DMatrix::identity(coils, coils)).ok_or_else(dependent)?;
        // A coil of nothing but rounding is as good as none.
        if !inverse.iter().all(|value| value.norm() < 1e6) {
            return Err(dependent());
        }
        let matrix = Array2::from_shape_fn((coils, coils), |(row, column)| inverse[(row, column)]);
        Ok(Self { covariance, matrix, variance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mix;
    use proptest::prelude::*;

    fn noise(coils: usize, samples: usize) -> impl Strategy<Value = Array2<Complex32>> {
        let value = (-1.0_f32..1.0, -1.0_f32..1.0).prop_map(|(re, im)| Complex32::new(re, im));
        prop::collection::vec(value, coils * samples)
            .prop_map(move |values| Array2::from_shape_vec((coils, samples), values).unwrap())
    }

    proptest! {
        #[test]
        fn whitened_noise_is_white(noise in noise(4, 64)) {
            let whitening = Prewhitening::of_noise(noise.view()).unwrap();
            let white = mix(whitening.matrix.view(), noise.view().into_dyn()).unwrap();
            let again = Prewhitening::of_noise(white.into_dimensionality().unwrap().view()).unwrap();
            for ((row, column), value) in again.covariance.indexed_iter() {
                let expected = if row == column { whitening.variance } else { 0.0 };
                prop_assert!((value - expected).norm() < 1e-5 * whitening.variance, "{value} at {row}, {column}");
            }
        }
    }

    #[test]
    fn noise_that_tells_nothing_is_refused() {
        assert!(Prewhitening::of_noise(Array2::zeros((2, 3)).view()).is_err(), "few");
        assert!(Prewhitening::of_noise(Array2::zeros((2, 8)).view()).is_err(), "zero");
        assert!(Prewhitening::of_noise(Array2::ones((2, 8)).view()).is_err(), "alike");
        assert!(Prewhitening::of_noise(Array2::from_elem((1, 8), Complex32::from(f32::NAN)).view()).is_err());
    }
}
