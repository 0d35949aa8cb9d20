//! The annealed loop.

use ndarray::ArrayD;
use num_complex::Complex32;

use super::{Conditions, OneAtom, UnitGaussian, flat, linear_solution, problem, voxel_problem};
use crate::algebra::test_operators::{Dense, random_complex};
use crate::{
    AnnealedSettings, AnnealedSplitting, CgSettings, DataSettings, Error, Iteration, NoiseSchedule, PhysicsProjector,
    PhysicsSettings, Problem, Renoising, ScheduleEntry, StopReason, vector,
};

const DATA: DataSettings = DataSettings {
    lambda: 1e-2,
    cg: CgSettings {
        max_iterations: 5,
        relative_tolerance: 1e-5,
        absolute_tolerance: 0.0,
        preconditioned: Some(false),
    },
};
const PHYSICS: PhysicsSettings = PhysicsSettings { gamma: 1e-2, gamma_fixed: false, dual_only: false };

fn schedule(steps: usize) -> NoiseSchedule {
    let entry = |index| {
        let abar = 0.9999 * (1.0 - index as f64 / steps as f64).powi(2);
        ScheduleEntry { index, timestep: index * 10, abar }
    };
    NoiseSchedule { entries: (0..steps).map(entry).collect() }
}

/// With a data step and without the physics.
fn annealed<'a>(
    problem: &'a Problem,
    schedule: &'a NoiseSchedule,
    conditions: &'a Conditions,
) -> AnnealedSplitting<'a> {
    let iterations = schedule.entries.len();
    let settings = AnnealedSettings { iterations, data: Some(DATA), ..AnnealedSettings::default() };
    AnnealedSplitting { problem, prior: &UnitGaussian, schedule, projector: None, conditions, settings, seed: 7 }
}

#[test]
fn a_run_with_a_gaussian_prior_ends_at_the_regularised_solution() {
    let (problem, dense) = problem(Dense::random(9, 6, 12).matrix * Complex32::from(0.5), 1.0, 13);
    let (conditions, schedule) = (Conditions::new(), schedule(40));
    let mut solver = annealed(&problem, &schedule, &conditions);
    let lambda = 1e-5;
    solver.settings.data = Some(DataSettings { lambda, cg: CgSettings { max_iterations: 40, ..DATA.cg } });
    let outcome = solver.solve(&mut []).unwrap();
    assert_eq!(outcome.state.x_t, outcome.state.x_hat, "the last step adds no noise");
    let sigma = schedule.entries[0].sigma() as f32;
    let mu = lambda / (sigma * sigma);
    let mut right_hand_side = problem.adjoint().clone();
    right_hand_side.scaled_add(Complex32::from(mu), &outcome.state.x_tilde);
    let expected = linear_solution(&dense.matrix, mu, &right_hand_side);
    assert!(vector::distance(flat(&outcome.state.x_hat), &expected) < 1e-3 * vector::norm(&expected));
    let again = solver.solve(&mut []).unwrap();
    assert_eq!(again.state.x_hat, outcome.state.x_hat, "same seed, same bytes");
    let other = AnnealedSplitting { seed: 8, ..solver }.solve(&mut []).unwrap();
    assert_ne!(other.state.x_t, outcome.state.x_t);
}

#[test]
fn renoising_mixes_fresh_and_estimated_noise() {
    let (problem, _) = problem(Dense::random(9, 6, 12).matrix, 1.0, 13);
    let (conditions, schedule) = (Conditions::new(), schedule(10));
    for xi in [0.0f32, 0.4, 1.0] {
        let mut solver = annealed(&problem, &schedule, &conditions);
        solver.settings.renoising = Renoising::Blend { xi, sigma_level: None };
        let mut state = solver.start().unwrap();
        let before = state.x_t.clone();
        let noise = random_complex(&[6], 99);
        solver.step_with_noise(&mut state, |_| Ok(noise.clone())).unwrap();
        let (now, next) = (schedule.entries[9].abar, schedule.entries[8].abar);
        for i in 0..6 {
            let estimated = (before[i] - state.x_hat[i] * now.sqrt() as f32) / (1.0 - now).sqrt() as f32;
            let mixed = noise[i] * xi.sqrt() + estimated * (1.0 - xi).sqrt();
            let expected = state.x_hat[i] * next.sqrt() as f32 + mixed * (1.0 - next).sqrt() as f32;
            assert!((state.x_t[i] - expected).norm() < 1e-5);
        }
    }
}

/// Whatever the step, x_(t-1) has the next level's signal and noise when x_t had its own: `q(x_(t-1) | x_0)` is preserved.
#[test]
fn the_ancestral_step_keeps_the_noise_levels() {
    let (problem, _) = problem(Dense::random(9, 6, 12).matrix, 1.0, 13);
    let (conditions, schedule) = (Conditions::new(), schedule(10));
    let mut solver = annealed(&problem, &schedule, &conditions);
    solver.settings.data = None;
    solver.settings.renoising = Renoising::DdpmPosterior;
    let start = solver.start().unwrap();
    let step_from = |x_t: &ArrayD<Complex32>, noise: f32| {
        let mut state = start.clone();
        state.x_t = x_t.clone();
        solver.step_with_noise(&mut state, |_| Ok(ArrayD::from_elem(vec![6], Complex32::from(noise)))).unwrap();
        (state.x_t[0].re, state.x_hat[0].re)
    };
    let (now, next) = (schedule.entries[9].abar as f32, schedule.entries[8].abar as f32);
    let ones = ArrayD::from_elem(vec![6], Complex32::ONE);
    // All is linear: x_(t-1) = c x_hat + d x_t + e noise, read off by switching the noise on and x_t apart.
    let (mean, x_hat) = step_from(&ones, 0.0);
    let noise_weight = step_from(&ones, 1.0).0 - mean;
    let iterate_weight = (1.0 - next) * (now / next).sqrt() / (1.0 - now);
    let clean_weight = (mean - iterate_weight) / x_hat;
    assert!((clean_weight + iterate_weight * now.sqrt() - next.sqrt()).abs() < 1e-5);
    assert!((iterate_weight.powi(2) * (1.0 - now) + noise_weight.powi(2) - (1.0 - next)).abs() < 1e-5);
    let state = solver.solve(&mut []).unwrap().state;
    assert_eq!(state.x_t, state.x_hat, "the last step is the mean, which is x_0");
}

#[test]
fn the_physics_has_the_last_word() {
    let problem = voxel_problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (Conditions::new(), schedule(20));
    let atom = OneAtom(vec![0.6, 0.0, 0.8]);
    let mut solver = annealed(&problem, &schedule, &conditions);
    let free = solver.solve(&mut []).unwrap().state;
    assert!(free.physics.is_none());
    solver.projector = Some(&atom);
    assert_eq!(solver.solve(&mut []).unwrap().state.x_hat, free.x_hat, "nothing asks for the projector");
    solver.settings.physics = Some(PhysicsSettings { gamma: 0.5, gamma_fixed: true, ..PHYSICS });
    let state = solver.solve(&mut []).unwrap().state;
    let z = &state.physics.as_ref().unwrap().z;
    assert_eq!(&state.x_t, z, "the last step adds no noise");
    assert_eq!(flat(z)[1], Complex32::ZERO, "the atom has nothing there");
    assert!(vector::distance(flat(&state.x_hat), flat(z)) < 0.5 * vector::distance(flat(&free.x_hat), flat(z)));
}

#[test]
fn the_dual_of_an_absent_projector_runs_where_it_is_asked_for() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (Conditions::new(), schedule(4));
    let mut solver = annealed(&problem, &schedule, &conditions);
    solver.settings.physics = Some(PhysicsSettings { dual_only: true, ..PHYSICS });
    let mut state = solver.start().unwrap();
    solver.step(&mut state).unwrap();
    let gamma = solver.settings.gamma(schedule.entries[3].sigma() as f32).unwrap();
    let physics = state.physics.unwrap();
    for (v, x_hat) in physics.v.iter().zip(&state.x_hat) {
        assert!((v - x_hat * gamma).norm() <= 1e-6 * gamma * x_hat.norm());
    }
    assert!(physics.z.iter().all(|z| *z == Complex32::ZERO) && physics.maps.is_none());
}

#[test]
fn without_the_data_step_the_prior_has_the_word() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (Conditions::new(), schedule(4));
    let mut solver = annealed(&problem, &schedule, &conditions);
    solver.settings.data = None;
    let state = solver.solve(&mut []).unwrap().state;
    assert_eq!(state.x_hat, state.x_tilde);
}

#[test]
fn one_noise_level_for_every_step() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (Conditions::new(), schedule(4));
    let mut solver = annealed(&problem, &schedule, &conditions);
    solver.settings.renoising = Renoising::Blend { xi: 1.0, sigma_level: Some(1) };
    let mut state = solver.start().unwrap();
    for _ in 0..4 {
        assert_eq!(solver.step(&mut state).unwrap(), None);
    }
    assert_eq!(solver.step(&mut state).unwrap(), Some(StopReason::MaxIterations), "no more steps than levels");
    assert_eq!(state.step, 4);
    solver.settings.renoising = Renoising::Blend { xi: 1.0, sigma_level: Some(4) };
    assert!(solver.start().unwrap_err().to_string().contains("sigma_level: expected an index below 4"));
}

#[test]
fn senseless_settings_are_refused() {
    let problem = voxel_problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (Conditions::new(), schedule(4));
    let (atom, two_coefficients) = (OneAtom(vec![0.6, 0.0, 0.8]), OneAtom(vec![0.6, 0.8]));
    let refused = |projector: Option<&dyn PhysicsProjector>, change: &dyn Fn(&mut AnnealedSettings)| {
        let mut solver = AnnealedSplitting { projector, ..annealed(&problem, &schedule, &conditions) };
        change(&mut solver.settings);
        solver.start().err()
    };
    let message = |change: &dyn Fn(&mut AnnealedSettings)| refused(Some(&atom), change).unwrap().to_string();
    let with_physics = |lambda: f32, physics: PhysicsSettings| {
        move |settings: &mut AnnealedSettings| {
            settings.data = Some(DataSettings { lambda, ..DATA });
            settings.physics = Some(physics);
        }
    };
    assert!(refused(Some(&atom), &with_physics(0.1, PHYSICS)).is_none());
    assert!(refused(None, &|_| ()).is_none());
    assert!(message(&|settings| settings.iterations = 3).contains("iterations: expected 4"));
    assert!(message(&|settings| settings.renoising = Renoising::Blend { xi: 1.5, sigma_level: None }).contains("xi"));
    assert!(message(&with_physics(-1.0, PHYSICS)).contains("lambda"));
    assert!(message(&with_physics(f32::NAN, PHYSICS)).contains("lambda"));
    assert!(message(&with_physics(0.1, PhysicsSettings { gamma: -1.0, ..PHYSICS })).contains("gamma"));
    assert!(message(&with_physics(0.1, PhysicsSettings { gamma: 0.0, ..PHYSICS })).contains("a positive gamma"));
    assert_eq!(
        message(&with_physics(0.0, PHYSICS)),
        "annealed splitting: gamma: expected a positive gamma, and gamma_fixed where lambda is 0, got 0.01"
    );
    assert!(refused(Some(&atom), &with_physics(0.0, PhysicsSettings { gamma_fixed: true, ..PHYSICS })).is_none());
    let missing = refused(None, &with_physics(0.1, PHYSICS)).unwrap().to_string();
    assert!(missing.contains("physics: expected a projector"), "{missing}");
    let mismatched = refused(Some(&two_coefficients), &with_physics(0.1, PHYSICS));
    assert!(matches!(mismatched, Some(Error::Incompatible { .. })));
    let mut impossible = schedule.clone();
    impossible.entries[2].abar = 1.0;
    let solver = annealed(&problem, &impossible, &conditions);
    assert!(solver.start().unwrap_err().to_string().contains("abar between 0 and 1"));
}
