//! Conjugate gradients, the data step and least squares.

use std::sync::Arc;

use nalgebra::DMatrix;
use ndarray::ArrayD;
use num_complex::Complex32;
use proptest::prelude::*;

use super::{flat, linear_solution, problem};
use crate::algebra::test_operators::{Dense, Solvable, random_complex};
use crate::solvers::splitting_steps::{DataStep, Pull};
use crate::{
    Breakdown, CgSettings, ConjugateGradient, ForwardOperator, LeastSquares, LeastSquaresSettings, OperatorNorm,
    Preconditioner, Problem, Result, Scaled, StopReason, View, ViewMut, vector,
};

const PATIENT: CgSettings =
    CgSettings { max_iterations: 50, relative_tolerance: 1e-5, absolute_tolerance: 0.0, preconditioned: Some(false) };

#[test]
fn conjugate_gradients_solve_the_damped_normal_equations() {
    let operator = Dense::random(9, 6, 1);
    let right_hand_side = random_complex(&[6], 2);
    let start = random_complex(&[6], 3);
    let expected = linear_solution(&operator.matrix, 0.3, &right_hand_side);
    for warm_start in [None, Some(&start)] {
        let (operator, right_hand_side): (&dyn ForwardOperator, _) = (&operator, &right_hand_side);
        let solver = ConjugateGradient { operator, damping: 0.3, right_hand_side, warm_start, settings: PATIENT };
        let outcome = solver.solve().unwrap();
        assert_eq!(outcome.stop, StopReason::Converged);
        assert!(outcome.iterations <= 12);
        assert!(vector::distance(flat(&outcome.state.solution), &expected) < 1e-4 * vector::norm(&expected));
    }
}

proptest! {
    /// Columns of very different length are what the preconditioner is for: it must find the same solution, and sooner.
    #[test]
    fn a_preconditioner_changes_the_way_and_not_the_solution(columns in 2usize..8, seed in 0u64..500, rho in 0.01f32..1.0) {
        let mut matrix = Dense::random(columns + 4, columns, seed).matrix;
        for (j, mut column) in matrix.column_iter_mut().enumerate() {
            column *= Complex32::from(0.2 + j as f32);
        }
        let operator = Scaled::new(0.5, Arc::new(Solvable(Dense::new(matrix)))).unwrap();
        let b = random_complex(&[columns], seed + 1);
        let start = random_complex(&[columns], seed + 2);
        for warm_start in [None, Some(&start)] {
            let solve = |preconditioned| {
                let settings = CgSettings { max_iterations: 100, relative_tolerance: 1e-6, preconditioned, ..PATIENT };
                ConjugateGradient { operator: &operator, damping: rho, right_hand_side: &b, warm_start, settings }.solve()
            };
            let (plain, preconditioned) = (solve(Some(false)).unwrap(), solve(None).unwrap());
            let mut exact = b.clone();
            operator.regularised_inverse().unwrap().solve(rho, b.view(), exact.view_mut()).unwrap();
            let norm = vector::norm(flat(&exact));
            prop_assert!(vector::distance(flat(&plain.state.solution), flat(&exact)) < 1e-2 * norm);
            prop_assert!(vector::distance(flat(&preconditioned.state.solution), flat(&exact)) < 1e-2 * norm);
            prop_assert!(preconditioned.state.residual_norm <= 1e-6 * vector::norm(flat(&b)));
        }
    }

    #[test]
    fn the_data_step_is_exact_where_the_operator_has_an_inverse(columns in 2usize..8, seed in 0u64..500) {
        let matrix = Dense::random(columns + 4, columns, seed).matrix;
        let samples = random_complex(&[columns + 4], seed + 1);
        let [first, second, dual] = [2, 3, 4].map(|add| random_complex(&[columns], seed + add));
        let solve = |operator: Arc<dyn ForwardOperator>, max_iterations: usize| {
            let problem = Problem::new(operator, 2.0, 1.0, samples.view()).unwrap();
            let pulls = [
                Pull { weight: 0.4, image: &first, dual: Some(&dual) },
                Pull { weight: 0.1, image: &second, dual: None },
            ];
            let mut x = ArrayD::zeros(vec![columns]);
            let cg = CgSettings { max_iterations, relative_tolerance: 1e-7, ..PATIENT };
            assert!(DataStep { problem: &problem, cg }.solve(&pulls, &mut x, false).unwrap().is_none());
            x
        };
        let by_steps = solve(Arc::new(Dense::new(matrix.clone())), 100);
        let exact = solve(Arc::new(Solvable(Dense::new(matrix))), 1);
        prop_assert!(vector::distance(flat(&by_steps), flat(&exact)) < 1e-3 * vector::norm(flat(&exact)));
    }
}

#[test]
fn the_diagonal_solves_a_diagonal_problem_in_one_step() {
    let matrix = DMatrix::from_diagonal(&nalgebra::DVector::from_fn(6, |i, _| Complex32::from(1.0 + i as f32)));
    let operator = Solvable(Dense::new(matrix));
    let right_hand_side = random_complex(&[6], 2);
    let iterations = |preconditioned| {
        let settings = CgSettings { preconditioned, ..PATIENT };
        let (operator, right_hand_side) = (&operator, &right_hand_side);
        let solver = ConjugateGradient { operator, damping: 0.1, right_hand_side, warm_start: None, settings };
        solver.solve().unwrap().iterations
    };
    let found = [None, Some(true), Some(false)].map(iterations);
    assert_eq!(found, [1, 1, 6]);
}

#[test]
fn an_operator_without_preconditioner_says_so() {
    let (problem, _) = problem(Dense::random(9, 6, 1).matrix, 1.0, 2);
    let settings = LeastSquaresSettings { preconditioned: true, ..LeastSquaresSettings::default() };
    let error = LeastSquares { problem: &problem, settings }.solve(&mut []).unwrap_err().to_string();
    assert!(error.contains("preconditioned: expected false") && error.contains("true with dense"), "{error}");
}

#[test]
fn conjugate_gradients_stop_by_the_absolute_tolerance_and_on_a_solved_start() {
    let operator = Dense::random(9, 6, 1);
    let zeros = ArrayD::zeros(vec![6]);
    let right_hand_side = random_complex(&[6], 2);
    let settings = CgSettings { relative_tolerance: 0.0, absolute_tolerance: 1e6, ..PATIENT };
    let solver = ConjugateGradient {
        operator: &operator,
        damping: 0.0,
        right_hand_side: &right_hand_side,
        warm_start: None,
        settings,
    };
    assert_eq!(solver.solve().unwrap().iterations, 1);
    let solved = ConjugateGradient { right_hand_side: &zeros, ..solver };
    let outcome = solved.solve().unwrap();
    assert_eq!((outcome.stop, outcome.iterations), (StopReason::Converged, 1));
}

/// Claims a normal, and a preconditioner, that are multiples of the identity.
struct Multiple {
    dense: Dense,
    normal: f32,
    preconditioner: f32,
}

impl ForwardOperator for Multiple {
    fn name(&self) -> &str {
        "multiple"
    }

    fn domain(&self) -> &crate::Space {
        self.dense.domain()
    }

    fn range(&self) -> &crate::Space {
        self.dense.range()
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        self.dense.forward(x, y)
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.dense.adjoint(y, x)
    }

    fn normal(&self, x: View<'_>, mut out: ViewMut<'_>) -> Result<()> {
        out.zip_mut_with(&x, |out, x| *out = x * self.normal);
        Ok(())
    }

    fn preconditioner(&self) -> Option<&dyn Preconditioner> {
        Some(self)
    }
}

impl Preconditioner for Multiple {
    fn apply(&self, _: f32, r: View<'_>, mut z: ViewMut<'_>) -> Result<()> {
        z.zip_mut_with(&r, |z, r| *z = r * self.preconditioner);
        Ok(())
    }
}

#[test]
fn conjugate_gradients_say_why_they_break_down() {
    let right_hand_side = random_complex(&[3], 2);
    for (normal, preconditioner, reason) in [
        (-1.0, None, Breakdown::NotPositiveDefinite),
        (f32::NAN, None, Breakdown::NotFinite),
        (1.0, Some(-1.0), Breakdown::NotPositiveDefinite),
        (1.0, Some(0.0), Breakdown::NotPositiveDefinite),
        (1.0, Some(f32::INFINITY), Breakdown::NotFinite),
    ] {
        let preconditioned = Some(preconditioner.is_some());
        let operator =
            Multiple { dense: Dense::random(3, 3, 1), normal, preconditioner: preconditioner.unwrap_or(1.0) };
        let outcome = ConjugateGradient {
            operator: &operator,
            damping: 0.0,
            right_hand_side: &right_hand_side,
            warm_start: None,
            settings: CgSettings { preconditioned, ..PATIENT },
        }
        .solve()
        .unwrap();
        assert_eq!(outcome.stop, StopReason::Breakdown(reason));
        assert!(outcome.state.solution.iter().all(|value| *value == Complex32::ZERO));
    }
}

#[test]
fn least_squares_are_conjugate_gradients_from_zero_step_by_step() {
    let (problem, _) = problem(Dense::random(9, 6, 1).matrix, 30.0, 2);
    for iterations in 1..6 {
        let settings = LeastSquaresSettings { iterations, tolerance: 0.0, preconditioned: false };
        let outcome = LeastSquares { problem: &problem, settings }.solve(&mut []).unwrap();
        let cg = CgSettings { max_iterations: iterations, relative_tolerance: 0.0, ..PATIENT };
        let mut x = problem.operator().domain().zeros();
        DataStep { problem: &problem, cg }.solve(&[], &mut x, false).unwrap();
        assert_eq!(outcome.state.cg.solution, x, "one splitting step without pulls");
        assert_eq!((outcome.stop, outcome.iterations), (StopReason::MaxIterations, iterations));
    }
}

#[test]
fn one_step_of_least_squares_is_the_best_scaled_adjoint() {
    let (problem, dense) = problem(Dense::random(8, 5, 6).matrix, 1.0, 5);
    let settings = LeastSquaresSettings { iterations: 1, ..LeastSquaresSettings::default() };
    let x = LeastSquares { problem: &problem, settings }.solve(&mut []).unwrap().state.cg.solution;
    let adjoint = problem.adjoint();
    let mut image = dense.range().zeros();
    dense.forward(adjoint.view(), image.view_mut()).unwrap();
    let scale = vector::norm_sqr(flat(adjoint)) / vector::norm_sqr(flat(&image));
    let expected = adjoint.mapv(|value| value * scale as f32);
    assert!(vector::distance(flat(&x), flat(&expected)) < 1e-5 * vector::norm(flat(&expected)));
}

#[test]
fn a_normalised_problem_has_norm_one_and_the_same_solution() {
    let matrix = Dense::random(8, 5, 4).matrix;
    let norm = OperatorNorm::new(&Dense::new(matrix.clone())).estimate().unwrap();
    let (plain, _) = problem(matrix.clone(), 1.0, 5);
    let samples = plain.samples().clone();
    let normalised = Problem::new(Arc::new(Dense::new(matrix)), norm, 2.0, samples.view()).unwrap();
    assert!((OperatorNorm::new(normalised.operator()).estimate().unwrap() - 1.0).abs() < 1e-3);
    let solve = |problem: &Problem| {
        let settings = LeastSquaresSettings { iterations: 60, ..LeastSquaresSettings::default() };
        LeastSquares { problem, settings }.solve(&mut []).unwrap().state.cg.solution
    };
    let (first, second) = (solve(&plain), solve(&normalised).mapv(|value| value * 2.0));
    assert!(vector::distance(flat(&first), flat(&second)) < 1e-4 * vector::norm(flat(&first)));
}

#[test]
fn senseless_settings_of_least_squares_are_refused() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let refused = |iterations, tolerance| {
        let settings = LeastSquaresSettings { iterations, tolerance, preconditioned: false };
        LeastSquares { problem: &problem, settings }.solve(&mut []).unwrap_err().to_string()
    };
    assert!(refused(0, 0.0).contains("least squares: iterations"));
    assert!(refused(1, -1.0).contains("least squares: tolerance"));
    assert!(refused(1, f64::NAN).contains("least squares: tolerance"));
}
