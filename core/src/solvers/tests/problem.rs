//! Problems, their intensity, and the norm of operators.

use std::sync::Arc;

use nalgebra::DMatrix;
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::algebra::test_operators::{Dense, random_complex};
use crate::{ForwardOperator, OperatorNorm, Problem};

#[test]
fn power_iteration_finds_the_largest_singular_value() {
    let operator = Dense::random(8, 5, 4);
    let singular = operator.matrix.clone().singular_values();
    let largest = f64::from(singular[0]);
    let norm = OperatorNorm { operator: &operator, tolerance: 1e-9, seed: 3 }.estimate().unwrap();
    assert!((norm - largest * largest).abs() < 1e-3 * norm, "{norm} against {}", largest * largest);
    let zero = Dense::new(DMatrix::zeros(3, 3));
    assert_eq!(OperatorNorm::new(&zero).estimate().unwrap(), 0.0);
}

#[test]
fn a_problem_refuses_what_it_cannot_use() {
    let make = |norm, intensity, samples: ArrayD<Complex32>| {
        Problem::new(Arc::new(Dense::random(4, 3, 1)), norm, intensity, samples.view()).err().map(|e| e.to_string())
    };
    let samples = random_complex(&[4], 2);
    assert!(make(1.0, 1.0, samples.clone()).is_none());
    assert!(make(0.0, 1.0, samples.clone()).unwrap().contains("operator norm"));
    assert!(make(1.0, f32::INFINITY, samples.clone()).unwrap().contains("intensity"));
    assert!(make(1.0, 1.0, random_complex(&[5], 2)).unwrap().contains("expected k-space [4], got [5]"));
    let mut poisoned = samples;
    poisoned[2].re = f32::NAN;
    assert!(make(1.0, 1.0, poisoned).unwrap().contains("flat index 2"));
}

#[test]
fn the_intensity_follows_the_data_and_refuses_silence() {
    let operator: Arc<dyn ForwardOperator> =
        Arc::new(crate::Identity::new(crate::Space::image(2, &crate::ImageShape::plane(10, 10))));
    let samples = operator.domain().zeros().mapv(|_| Complex32::new(0.0, 3.0));
    let estimate =
        |samples: ArrayD<Complex32>| Problem::unscaled(operator.clone(), samples.view())?.estimate_intensity();
    let plain = estimate(samples.clone()).unwrap();
    assert!((plain - 18f32.sqrt()).abs() < 1e-4);
    let tenfold = estimate(samples.mapv(|value| value * 10.0)).unwrap();
    assert!((tenfold - 10.0 * plain).abs() < 1e-3);
    assert!(estimate(operator.domain().zeros()).is_err());
}

#[test]
fn a_scaled_problem_is_the_one_that_was_made_so() {
    let operator: Arc<dyn ForwardOperator> = Arc::new(Dense::random(6, 4, 1));
    let samples = random_complex(&[6], 2);
    let scaled = Problem::unscaled(operator.clone(), samples.view()).unwrap().scaled(4.0, 0.5).unwrap();
    let mut adjoint = operator.domain().zeros();
    let expected = samples.mapv(|value| value * (0.5 / 0.5));
    scaled.operator().adjoint(scaled.samples().view(), adjoint.view_mut()).unwrap();
    assert!(scaled.samples().iter().zip(&expected).all(|(found, expected)| (found - expected).norm() < 1e-6));
    assert!(scaled.adjoint().iter().zip(&adjoint).all(|(found, expected)| (found - expected).norm() < 1e-5));
    assert_eq!(scaled.intensity(), 0.5);
}
