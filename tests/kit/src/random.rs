//! Random arrays and the arithmetic of the laws, in double precision.

use diph_core::Rng;
use ndarray::{ArrayD, IxDyn};
use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;

/// Standard normal in each real channel.
pub(crate) fn normal(shape: &[usize], seed: u64) -> ArrayD<Complex32> {
    let mut rng = Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        Complex32::new(rng.sample(StandardNormal), rng.sample(StandardNormal))
    })
}

/// `sum conj(a) b`.
pub(crate) fn dot(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| wide(*a).conj() * wide(*b)).sum()
}

pub(crate) fn norm(a: &ArrayD<Complex32>) -> f64 {
    a.iter().map(|a| wide(*a).norm_sqr()).sum::<f64>().sqrt()
}

/// `|a - b|`.
pub(crate) fn distance(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (wide(*a) - wide(*b)).norm_sqr()).sum::<f64>().sqrt()
}

/// `error / scale`, where nothing over nothing is no error.
pub(crate) fn relative(error: f64, scale: f64) -> f64 {
    if error == 0.0 { 0.0 } else { error / scale }
}

pub(crate) fn finite(a: &ArrayD<Complex32>) -> bool {
    a.iter().all(|value| value.re.is_finite() && value.im.is_finite())
}

fn wide(value: Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}
