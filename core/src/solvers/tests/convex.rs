//! ADMM and FISTA.

use std::sync::Arc;

use num_complex::Complex32;

use super::{Conditions, Magnitudes, OneAtom, UnitGaussian, flat, problem, voxel_problem};
use crate::algebra::test_operators::{Dense, Solvable, random_complex};
use crate::{
    Admm, AdmmSettings, Error, Fista, FistaSettings, Iteration, LeastSquares, LeastSquaresSettings, OperatorNorm,
    PhysicsProjector, Prior, Problem, Progress, StopReason, objective, vector,
};

fn admm<'a>(problem: &'a Problem, prior: &'a dyn Prior, conditions: &'a Conditions) -> Admm<'a> {
    Admm { problem, prior, projector: None, conditions, settings: AdmmSettings::default(), seed: 7 }
}

fn fista<'a>(problem: &'a Problem, prior: &'a dyn Prior, conditions: &'a Conditions) -> Fista<'a> {
    Fista { problem, prior, settings: FistaSettings::default(), conditions, seed: 7 }
}

#[test]
fn admm_and_fista_reach_the_same_objective() {
    let matrix = Dense::random(12, 8, 8).matrix;
    let norm = OperatorNorm::new(&Dense::new(matrix.clone())).estimate().unwrap();
    let (problem, _) = problem(matrix, norm, 9);
    let (conditions, lambda) = (Conditions::new(), 0.03);
    let mut fista = fista(&problem, &Magnitudes, &conditions);
    fista.settings = FistaSettings { iterations: 500, lambda, ..FistaSettings::default() };
    let mut admm = admm(&problem, &Magnitudes, &conditions);
    admm.settings = AdmmSettings { iterations: 500, lambda, penalty: 0.3, ..AdmmSettings::default() };
    admm.settings.cg.max_iterations = 20;

    let by_fista = fista.solve(&mut []).unwrap().state;
    let by_admm = admm.solve(&mut []).unwrap().state;
    let value = |x: &ndarray::ArrayD<Complex32>| objective(&problem, &Magnitudes, lambda, x.view()).unwrap();
    assert_eq!(
        fista.objective(&by_fista).unwrap(),
        Some(value(&by_fista.x)),
        "the state's penalty is that of its image"
    );
    assert_eq!(admm.objective(&by_admm).unwrap(), Some(value(&by_admm.x_tilde)));
    let of_zero = value(&problem.operator().domain().zeros());
    let (by_fista, by_admm) = (value(&by_fista.x), value(&by_admm.x_tilde));
    assert!(by_fista < 0.9 * of_zero, "the test problem must have a solution besides zero");
    assert!((by_fista - by_admm).abs() < 1e-4 * by_fista, "FISTA {by_fista}, ADMM {by_admm}");
}

#[test]
fn an_objective_needs_a_penalty() {
    let (problem, _) = problem(Dense::random(6, 3, 10).matrix, 30.0, 11);
    let conditions = Conditions::new();
    let (admm, fista) = (admm(&problem, &UnitGaussian, &conditions), fista(&problem, &UnitGaussian, &conditions));
    assert_eq!(admm.objective(&admm.solve(&mut []).unwrap().state).unwrap(), None);
    assert_eq!(fista.objective(&fista.solve(&mut []).unwrap().state).unwrap(), None);
    let zeros = problem.operator().domain().zeros();
    let error = objective(&problem, &UnitGaussian, 0.1, zeros.view()).unwrap_err().to_string();
    assert!(error.contains("expected a prior that is a proximal map") && error.contains("unit gaussian"), "{error}");
}

#[test]
fn the_first_step_of_fista_is_a_proximal_gradient_step_from_zero() {
    let (problem, _) = problem(Dense::random(12, 8, 8).matrix, 40.0, 9);
    let conditions = Conditions::new();
    let mut fista = fista(&problem, &Magnitudes, &conditions);
    fista.settings.iterations = 1;
    let FistaSettings { lambda, lipschitz, .. } = fista.settings;
    let x = fista.solve(&mut []).unwrap().state.x;
    for (x, gradient) in x.iter().zip(problem.adjoint()) {
        let expected = gradient / lipschitz * (1.0 - lambda / gradient.norm()).max(0.0);
        assert!((x - expected).norm() < 1e-6, "{x} {expected}");
    }
}

#[test]
fn an_exact_data_step_and_many_conjugate_gradient_steps_agree_at_every_iterate() {
    let matrix = Dense::random(12, 8, 8).matrix;
    let samples = random_complex(&[12], 9);
    let plain = Problem::new(Arc::new(Dense::new(matrix.clone())), 40.0, 1.0, samples.view()).unwrap();
    let exact = Problem::new(Arc::new(Solvable(Dense::new(matrix))), 40.0, 1.0, samples.view()).unwrap();
    let conditions = Conditions::new();
    let (mut plain, mut exact) = (admm(&plain, &Magnitudes, &conditions), admm(&exact, &Magnitudes, &conditions));
    plain.settings.cg.max_iterations = 60;
    plain.settings.cg.relative_tolerance = 1e-7;
    exact.settings.cg.max_iterations = 1;
    let (mut first, mut second) = (plain.start().unwrap(), exact.start().unwrap());
    for _ in 0..10 {
        plain.step(&mut first).unwrap();
        exact.step(&mut second).unwrap();
        for (first, second) in [(&first.x_hat, &second.x_hat), (&first.x_tilde, &second.x_tilde)] {
            assert!(vector::distance(flat(first), flat(second)) < 1e-5 * (1.0 + vector::norm(flat(first))));
        }
    }
}

/// Without a regulariser ADMM is a chain of data steps that pull towards the last one, which ends at least squares.
#[test]
fn admm_without_regularisation_ends_at_least_squares() {
    let (problem, _) = problem(Dense::random(9, 4, 3).matrix, 20.0, 4);
    let conditions = Conditions::new();
    let mut admm = admm(&problem, &Magnitudes, &conditions);
    admm.settings = AdmmSettings { iterations: 200, lambda: 0.0, penalty: 0.1, ..AdmmSettings::default() };
    admm.settings.cg.max_iterations = 20;
    let settings = LeastSquaresSettings { iterations: 40, tolerance: 1e-7, preconditioned: false };
    let expected = LeastSquares { problem: &problem, settings }.solve(&mut []).unwrap().state.cg.solution;
    let x = admm.solve(&mut []).unwrap().state.x_hat;
    assert!(vector::distance(flat(&x), flat(&expected)) < 1e-3 * vector::norm(flat(&expected)));
}

#[test]
fn admm_stops_when_nothing_changes_any_more() {
    let (problem, _) = problem(Dense::random(6, 3, 10).matrix, 30.0, 11);
    let conditions = Conditions::new();
    let mut admm = admm(&problem, &Magnitudes, &conditions);
    admm.settings.iterations = 500;
    admm.settings.tolerance = 1e-3;
    let outcome = admm.solve(&mut []).unwrap();
    assert_eq!(outcome.stop, StopReason::Converged);
    assert!(outcome.iterations < 500 && outcome.state.relative_change < 1e-3);
}

#[test]
fn the_projector_pulls_the_image_onto_the_physics() {
    let problem = voxel_problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let conditions = Conditions::new();
    let atom = OneAtom(vec![0.6, 0.0, 0.8]);
    let solve = |gamma: Option<f32>| {
        let mut admm = admm(&problem, &Magnitudes, &conditions);
        admm.projector = Some(&atom);
        admm.settings = AdmmSettings { iterations: 300, lambda: 1e-4, penalty: 0.1, gamma, ..admm.settings };
        admm.settings.cg.max_iterations = 10;
        admm.solve(&mut []).unwrap().state
    };
    let (state, free) = (solve(Some(0.5)), solve(None));
    let z = state.physics.unwrap().z;
    assert!(vector::distance(flat(&state.x_hat), flat(&z)) < 1e-3 * vector::norm(flat(&z)));
    assert!(free.physics.is_none(), "a projector that nothing asks for is left alone");
    assert!(vector::distance(flat(&state.x_hat), flat(&free.x_hat)) > 0.05 * vector::norm(flat(&free.x_hat)));
}

#[test]
fn senseless_settings_of_admm_are_refused() {
    let problem = voxel_problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let conditions = Conditions::new();
    let refused = |change: &dyn Fn(&mut AdmmSettings), projector: Option<&dyn PhysicsProjector>| {
        let mut admm = Admm { projector, ..admm(&problem, &Magnitudes, &conditions) };
        change(&mut admm.settings);
        admm.start().err()
    };
    let message = |change: &dyn Fn(&mut AdmmSettings)| refused(change, None).unwrap().to_string();
    assert!(refused(&|_| (), None).is_none());
    assert!(message(&|settings| settings.iterations = 0).contains("admm: iterations"));
    assert!(message(&|settings| settings.lambda = -1.0).contains("admm: lambda"));
    assert!(message(&|settings| settings.lambda = f32::NAN).contains("admm: lambda"));
    assert!(message(&|settings| settings.penalty = 0.0).contains("admm: penalty"));
    assert!(message(&|settings| settings.gamma = Some(0.0)).contains("admm: gamma: expected a positive number"));
    assert!(message(&|settings| settings.cg.max_iterations = 0).contains("max_iterations"));
    assert!(message(&|settings| settings.gamma = Some(0.1)).contains("physics: expected a projector"));
    let (flat_problem, _) = super::problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let atom = OneAtom(vec![0.6, 0.0, 0.8]);
    let mut without_axes = Admm { projector: Some(&atom), ..admm(&flat_problem, &Magnitudes, &conditions) };
    without_axes.settings.gamma = Some(0.1);
    let error = without_axes.start().unwrap_err().to_string();
    assert!(error.contains("expected an image with the axes (coefficient, y, x) or"), "{error}");
    let two_coefficients = OneAtom(vec![0.6, 0.8]);
    let mismatched = refused(&|settings| settings.gamma = Some(0.1), Some(&two_coefficients));
    assert!(matches!(mismatched, Some(Error::Incompatible { .. })));
}

#[test]
fn observers_see_the_objective_fall() {
    let (problem, _) = problem(Dense::random(12, 8, 8).matrix, 40.0, 9);
    let conditions = Conditions::new();
    let fista = fista(&problem, &Magnitudes, &conditions);
    let mut seen = Vec::new();
    let mut watch = |progress: &Progress<'_, crate::FistaState>| {
        seen.extend(fista.objective(progress.state)?);
        Ok(std::ops::ControlFlow::Continue(()))
    };
    let steps = fista.solve(&mut [&mut watch]).unwrap().iterations;
    assert_eq!(seen.len(), steps);
    assert!(seen[steps - 1] < seen[0]);
}
