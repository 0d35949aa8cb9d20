//! Laws of the operator algebra.

use std::sync::Arc;

use ndarray::ArrayD;
use num_complex::Complex32;
use proptest::prelude::*;

use super::test_operators::{Dense, NormalOnly, Solvable, random_complex};
use super::*;
use crate::{Error, ForwardOperator, ImageShape, Space, vector};

fn adjointness_error(operator: &dyn ForwardOperator, seed: u64) -> f64 {
    let x = random_complex(&operator.domain().shape(), seed);
    let y = random_complex(&operator.range().shape(), seed + 1);
    let (ax, ahy) = (forward(operator, &x), adjoint(operator, &y));
    let (x, y, ax, ahy) = (flat(&x), flat(&y), flat(&ax), flat(&ahy));
    (vector::dot(y, ax) - vector::dot(ahy, x)).norm()
        / (vector::norm(ax) * vector::norm(y) + vector::norm(x) * vector::norm(ahy))
}

fn normal_error(operator: &dyn ForwardOperator, seed: u64) -> f64 {
    let x = random_complex(&operator.domain().shape(), seed);
    let mut normal = operator.domain().zeros();
    operator.normal(x.view(), normal.view_mut()).unwrap();
    let twice = adjoint(operator, &forward(operator, &x));
    vector::distance(flat(&normal), flat(&twice)) / vector::norm(flat(&twice))
}

fn forward(operator: &dyn ForwardOperator, x: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut y = operator.range().zeros();
    operator.forward(x.view(), y.view_mut()).unwrap();
    y
}

fn adjoint(operator: &dyn ForwardOperator, y: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut x = operator.domain().zeros();
    operator.adjoint(y.view(), x.view_mut()).unwrap();
    x
}

fn flat(array: &ArrayD<Complex32>) -> &[Complex32] {
    array.as_slice().unwrap()
}

fn dense(rows: usize, columns: usize, seed: u64) -> Arc<dyn ForwardOperator> {
    Arc::new(Dense::random(rows, columns, seed))
}

proptest! {
    #[test]
    fn inverse_and_preconditioner_survive_scaling(columns in 1usize..7, seed in 0u64..1000, rho in 0.1f32..2.0) {
        let scale = -0.7f32;
        let matrix = Dense::random(columns + 2, columns, seed).matrix;
        let scaled = Scaled::new(scale, Arc::new(Solvable(Dense::new(matrix.clone())))).unwrap();
        let equal = Solvable(Dense::new(matrix * Complex32::from(scale)));
        let b = random_complex(&[columns], seed + 1);
        let (mut x, mut expected) = (b.clone(), b.clone());
        let operators: [&dyn ForwardOperator; 2] = [&scaled, &equal];
        for (operator, x) in operators.into_iter().zip([&mut x, &mut expected]) {
            operator.regularised_inverse().unwrap().solve(rho, b.view(), x.view_mut()).unwrap();
        }
        prop_assert!(vector::distance(flat(&x), flat(&expected)) < 1e-3 * vector::norm(flat(&expected)));
        for (operator, x) in operators.into_iter().zip([&mut x, &mut expected]) {
            operator.preconditioner().unwrap().apply(rho, b.view(), x.view_mut()).unwrap();
        }
        prop_assert!(vector::distance(flat(&x), flat(&expected)) < 1e-5 * vector::norm(flat(&expected)));
    }

    #[test]
    fn every_combination_is_an_exact_pair(rows in 1usize..7, columns in 1usize..7, seed in 0u64..1000) {
        let (a, b) = (dense(rows, columns, seed), dense(rows, columns, seed + 7));
        let square = dense(rows, rows, seed + 9);
        let combinations: Vec<Box<dyn ForwardOperator>> = vec![
            Box::new(Composed::new(Arc::new(Dense::new(relabelled(&square, rows))), wrap(&a)).unwrap()),
            Box::new(Scaled::new(-2.5, a.clone()).unwrap()),
            Box::new(Sum::new(a.clone(), b.clone()).unwrap()),
            Box::new(Stacked::new(vec![a.clone(), b, dense(3, columns, seed + 5)]).unwrap()),
            Box::new(AdjointOperator::new(a)),
            Box::new(Identity::new(Space::image(2, &ImageShape::plane(rows, columns)))),
        ];
        for operator in combinations {
            prop_assert!(adjointness_error(&*operator, seed) < 1e-6, "{}", operator.name());
            prop_assert!(normal_error(&*operator, seed) < 1e-5, "{}", operator.name());
        }
    }
}

/// The matrix of `operator`, column by column.
fn relabelled(operator: &Arc<dyn ForwardOperator>, size: usize) -> nalgebra::DMatrix<Complex32> {
    let mut matrix = nalgebra::DMatrix::zeros(size, size);
    for column in 0..size {
        let mut unit = operator.domain().zeros();
        unit[column] = Complex32::ONE;
        matrix.set_column(column, &nalgebra::DVector::from_iterator(size, forward(&**operator, &unit)));
    }
    matrix
}

/// `operator` with its rows called columns, so that another matrix can follow it.
fn wrap(operator: &Arc<dyn ForwardOperator>) -> Arc<dyn ForwardOperator> {
    struct Renamed(Arc<dyn ForwardOperator>, Space);
    impl ForwardOperator for Renamed {
        fn name(&self) -> &str {
            "renamed"
        }
        fn domain(&self) -> &Space {
            self.0.domain()
        }
        fn range(&self) -> &Space {
            &self.1
        }
        fn forward(&self, x: crate::View<'_>, y: crate::ViewMut<'_>) -> crate::Result<()> {
            self.0.forward(x, y)
        }
        fn adjoint(&self, y: crate::View<'_>, x: crate::ViewMut<'_>) -> crate::Result<()> {
            self.0.adjoint(y, x)
        }
    }
    let range = Space::new([("column", operator.range().len())]);
    Arc::new(Renamed(operator.clone(), range))
}

#[test]
fn normal_survives_composition_scaling_and_stacking() {
    let normal_only: Arc<dyn ForwardOperator> = Arc::new(NormalOnly(Dense::random(5, 4, 1)));
    let inner = wrap(&dense(4, 3, 2));
    let composed: Arc<dyn ForwardOperator> = Arc::new(Composed::new(normal_only, inner).unwrap());
    let operator = Stacked::new(vec![Arc::new(Scaled::new(0.5, composed.clone()).unwrap()), composed]).unwrap();
    let plain = Composed::new(dense(5, 4, 1), wrap(&dense(4, 3, 2))).unwrap();

    let x = random_complex(&[3], 3);
    let mut normal = operator.domain().zeros();
    operator.normal(x.view(), normal.view_mut()).unwrap();
    let expected = adjoint(&plain, &forward(&plain, &x)).mapv(|value| value * 1.25);
    assert!(vector::distance(flat(&normal), flat(&expected)) < 1e-5 * vector::norm(flat(&expected)));
}

#[test]
fn composition_of_unfitting_spaces_names_both() {
    let error = Composed::new(dense(5, 4, 1), wrap(&dense(3, 3, 2))).err().unwrap().to_string();
    assert_eq!(error, "(dense * renamed): composition: expected range of renamed to be [column 4], got [column 3]");
    assert!(matches!(Sum::new(dense(2, 2, 0), dense(2, 3, 0)), Err(Error::Incompatible { .. })));
    assert!(matches!(Stacked::new(vec![dense(2, 2, 0), dense(2, 3, 0)]), Err(Error::Incompatible { .. })));
    assert!(matches!(Stacked::new(Vec::new()), Err(Error::Parameter { .. })));
    assert!(matches!(Scaled::new(f32::NAN, dense(1, 1, 0)), Err(Error::Parameter { .. })));
}

#[test]
fn wrong_shapes_are_named() {
    let operator = Identity::new(Space::image(5, &ImageShape::plane(4, 3)));
    let mut out = operator.domain().zeros();
    let error = operator.forward(ArrayD::zeros(vec![5, 3, 3]).view(), out.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "identity: forward: expected image [5, 4, 3], got [5, 3, 3]");
    let swapped = ArrayD::<Complex32>::zeros(vec![3, 4, 5]);
    let error = operator.forward(swapped.view().reversed_axes(), out.view_mut()).unwrap_err();
    assert!(matches!(error, Error::NotContiguous { .. }), "{error}");
}

#[test]
fn what_has_no_closed_form_offers_none() {
    let solvable: Arc<dyn ForwardOperator> = Arc::new(Solvable(Dense::random(4, 3, 1)));
    let plain = dense(4, 3, 1);
    let nothing = |operator: &dyn ForwardOperator| {
        operator.regularised_inverse().is_none() && operator.preconditioner().is_none()
    };
    assert!(nothing(&Scaled::new(2.0, plain.clone()).unwrap()));
    assert!(nothing(&Scaled::new(0.0, solvable.clone()).unwrap()));
    assert!(nothing(&Sum::new(solvable.clone(), plain).unwrap()));
    assert!(!nothing(&Scaled::new(2.0, solvable).unwrap()));
}

#[test]
fn the_identity_divides_by_one_plus_rho() {
    let identity = Identity::new(Space::new([("x", 3)]));
    let b = random_complex(&[3], 1);
    let mut x = b.clone();
    let inverse = identity.regularised_inverse().unwrap();
    inverse.solve(1.0, b.view(), x.view_mut()).unwrap();
    assert_eq!(x, b.mapv(|value| value / 2.0));
    assert!(matches!(inverse.solve(0.0, b.view(), x.view_mut()), Err(Error::Parameter { .. })));
}
