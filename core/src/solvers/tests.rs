//! Solvers against closed forms and against each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use nalgebra::{DMatrix, DVector};
use ndarray::ArrayD;
use num_complex::Complex32;

use super::*;
use crate::algebra::test_operators::{Dense, random_complex};
use crate::{
    Breakdown, Error, ForwardOperator, Iteration, NoiseSchedule, ParameterMaps, PhysicsProjector, Prior, PriorContext,
    Result, ScheduleEntry, StopReason, View, ViewMut, run, vector,
};

/// Soft threshold: the proximal map of the sum of magnitudes.
struct Magnitudes;

impl Prior for Magnitudes {
    fn name(&self) -> &str {
        "magnitudes"
    }

    fn denoise(&self, noisy: View<'_>, sigma: f32, mut clean: ViewMut<'_>, _: &mut PriorContext<'_>) -> Result<()> {
        clean.zip_mut_with(&noisy, |clean, noisy| {
            *clean = noisy * (1.0 - sigma * sigma / noisy.norm().max(1e-30)).max(0.0);
        });
        Ok(())
    }

    fn penalty(&self, x: View<'_>) -> Result<Option<f64>> {
        Ok(Some(x.iter().map(|value| f64::from(value.norm())).sum()))
    }
}

/// Posterior mean of an image whose values are N(0, 1) in each part.
struct UnitGaussian;

impl Prior for UnitGaussian {
    fn name(&self) -> &str {
        "unit gaussian"
    }

    fn denoise(&self, noisy: View<'_>, sigma: f32, mut clean: ViewMut<'_>, _: &mut PriorContext<'_>) -> Result<()> {
        clean.zip_mut_with(&noisy, |clean, noisy| *clean = noisy / (1.0 + sigma * sigma));
        Ok(())
    }
}

/// Keeps the real part of the phase-aligned voxel: projection on a line, standing in for a one-atom dictionary.
struct OneAtom(Vec<f32>);

impl PhysicsProjector for OneAtom {
    fn name(&self) -> &str {
        "one atom"
    }

    fn coefficients(&self) -> usize {
        self.0.len()
    }

    fn parameters(&self) -> &[crate::Parameter] {
        &[]
    }

    fn project(&self, x: View<'_>, mut z: ViewMut<'_>, _: Option<&mut ParameterMaps>) -> Result<()> {
        let amplitude: Complex32 = x.iter().zip(&self.0).map(|(x, d)| x * d).sum();
        z.iter_mut().zip(&self.0).for_each(|(z, d)| *z = amplitude * d);
        Ok(())
    }
}

fn problem(matrix: DMatrix<Complex32>, norm: f64, seed: u64) -> (Problem, Dense) {
    let dense = Dense::new(matrix.clone());
    let samples = random_complex(&dense.range().shape(), seed);
    (Problem::new(Arc::new(Dense::new(matrix)), norm, 1.0, samples.view()).unwrap(), dense)
}

fn flat(array: &ArrayD<Complex32>) -> &[Complex32] {
    array.as_slice().unwrap()
}

fn conditions() -> BTreeMap<String, ArrayD<Complex32>> {
    BTreeMap::new()
}

fn splitting<'a>(problem: &'a Problem, conditions: &'a BTreeMap<String, ArrayD<Complex32>>) -> ProximalSplitting<'a> {
    ProximalSplitting {
        problem,
        prior: None,
        projector: None,
        schedule: None,
        conditions,
        settings: SplittingSettings::default(),
        seed: 7,
    }
}

fn linear_solution(matrix: &DMatrix<Complex32>, damping: f32, right_hand_side: &ArrayD<Complex32>) -> Vec<Complex32> {
    let size = matrix.ncols();
    let normal = matrix.adjoint() * matrix + DMatrix::identity(size, size) * Complex32::from(damping);
    let solution = normal.lu().solve(&DVector::from_column_slice(flat(right_hand_side))).unwrap();
    solution.iter().copied().collect()
}

#[test]
fn conjugate_gradients_solve_the_damped_normal_equations() {
    let operator = Dense::random(9, 6, 1);
    let right_hand_side = random_complex(&[6], 2);
    let start = random_complex(&[6], 3);
    let expected = linear_solution(&operator.matrix, 0.3, &right_hand_side);
    for warm_start in [None, Some(&start)] {
        let settings = CgSettings { max_iterations: 50, ..CgSettings::default() };
        let (operator, right_hand_side): (&dyn ForwardOperator, _) = (&operator, &right_hand_side);
        let solver = ConjugateGradient { operator, damping: 0.3, right_hand_side, warm_start, settings };
        let outcome = solver.solve().unwrap();
        assert_eq!(outcome.stop, StopReason::Converged);
        assert!(outcome.iterations <= 12);
        assert!(vector::distance(flat(&outcome.state.solution), &expected) < 1e-4 * vector::norm(&expected));
    }
}

#[test]
fn conjugate_gradients_stop_by_the_absolute_tolerance_and_on_a_solved_start() {
    let operator = Dense::random(9, 6, 1);
    let zeros = ArrayD::zeros(vec![6]);
    let right_hand_side = random_complex(&[6], 2);
    let settings = CgSettings { max_iterations: 50, relative_tolerance: 0.0, absolute_tolerance: 1e6 };
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

/// Claims a normal that is not positive definite.
struct Negative(Dense, f32);

impl ForwardOperator for Negative {
    fn name(&self) -> &str {
        "negative"
    }

    fn domain(&self) -> &crate::Space {
        self.0.domain()
    }

    fn range(&self) -> &crate::Space {
        self.0.range()
    }

    fn forward(&self, x: View<'_>, y: ViewMut<'_>) -> Result<()> {
        self.0.forward(x, y)
    }

    fn adjoint(&self, y: View<'_>, x: ViewMut<'_>) -> Result<()> {
        self.0.adjoint(y, x)
    }

    fn normal(&self, x: View<'_>, mut out: ViewMut<'_>) -> Result<()> {
        out.zip_mut_with(&x, |out, x| *out = x * self.1);
        Ok(())
    }
}

#[test]
fn conjugate_gradients_say_why_they_break_down() {
    let right_hand_side = random_complex(&[3], 2);
    for (factor, reason) in [(-1.0, Breakdown::NotPositiveDefinite), (f32::NAN, Breakdown::NotFinite)] {
        let operator = Negative(Dense::random(3, 3, 1), factor);
        let outcome = ConjugateGradient {
            operator: &operator,
            damping: 0.0,
            right_hand_side: &right_hand_side,
            warm_start: None,
            settings: CgSettings::default(),
        }
        .solve()
        .unwrap();
        assert_eq!(outcome.stop, StopReason::Breakdown(reason));
        assert!(outcome.state.solution.iter().all(|value| *value == Complex32::ZERO));
    }
}

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
fn a_normalised_problem_has_norm_one_and_the_same_solution() {
    let matrix = Dense::random(8, 5, 4).matrix;
    let norm = OperatorNorm::new(&Dense::new(matrix.clone())).estimate().unwrap();
    let (plain, _) = problem(matrix.clone(), 1.0, 5);
    let samples = plain.samples().clone();
    let normalised = Problem::new(Arc::new(Dense::new(matrix)), norm, 2.0, samples.view()).unwrap();
    assert!((OperatorNorm::new(normalised.operator()).estimate().unwrap() - 1.0).abs() < 1e-3);
    let solve = |problem: &Problem| {
        let conditions = conditions();
        let mut solver = splitting(problem, &conditions);
        solver.settings.cg.max_iterations = 60;
        run(&solver, 1, &mut []).unwrap().state.x_hat
    };
    let (first, second) = (solve(&plain), solve(&normalised).mapv(|value| value * 2.0));
    assert!(vector::distance(flat(&first), flat(&second)) < 1e-4 * vector::norm(flat(&first)));
}

#[test]
fn one_conjugate_gradient_step_is_the_best_scaled_adjoint() {
    let (problem, dense) = problem(Dense::random(8, 5, 6).matrix, 1.0, 5);
    let conditions = conditions();
    let mut solver = splitting(&problem, &conditions);
    solver.settings.cg.max_iterations = 1;
    let x = run(&solver, 1, &mut []).unwrap().state.x_hat;
    let adjoint = problem.adjoint();
    let mut image = dense.range().zeros();
    dense.forward(adjoint.view(), image.view_mut()).unwrap();
    let scale = vector::norm_sqr(flat(adjoint)) / vector::norm_sqr(flat(&image));
    let expected = adjoint.mapv(|value| value * scale as f32);
    assert!(vector::distance(flat(&x), flat(&expected)) < 1e-5 * vector::norm(flat(&expected)));
}

#[test]
fn admm_and_fista_reach_the_same_objective() {
    let matrix = Dense::random(12, 8, 8).matrix;
    let norm = OperatorNorm::new(&Dense::new(matrix.clone())).estimate().unwrap();
    let (problem, _) = problem(matrix, norm, 9);
    let (conditions, lambda) = (conditions(), 0.03);
    let fista = Fista {
        problem: &problem,
        prior: &Magnitudes,
        settings: FistaSettings { iterations: 500, lambda, ..FistaSettings::default() },
        conditions: &conditions,
        seed: 0,
    };
    let mut admm = splitting(&problem, &conditions);
    admm.prior = Some(&Magnitudes);
    admm.settings.lambda = lambda;
    admm.settings.penalty = 0.3;
    admm.settings.cg.max_iterations = 20;

    let value = |x: &ArrayD<Complex32>| objective(&problem, &Magnitudes, lambda, x.view()).unwrap();
    let by_fista = value(&fista.solve(&mut []).unwrap().state.x);
    let by_admm = value(&run(&admm, 500, &mut []).unwrap().state.x_tilde);
    let of_zero = value(&problem.operator().domain().zeros());
    assert!(by_fista < 0.9 * of_zero, "the test problem must have a solution besides zero");
    assert!((by_fista - by_admm).abs() < 1e-4 * by_fista, "FISTA {by_fista}, ADMM {by_admm}");
}

#[test]
fn stops_when_nothing_changes_any_more() {
    let (problem, _) = problem(Dense::random(6, 3, 10).matrix, 30.0, 11);
    let conditions = conditions();
    let mut admm = splitting(&problem, &conditions);
    admm.prior = Some(&Magnitudes);
    admm.settings.tolerance = 1e-3;
    let outcome = run(&admm, 500, &mut []).unwrap();
    assert_eq!(outcome.stop, StopReason::Converged);
    assert!(outcome.iterations < 500 && outcome.state.relative_change < 1e-3);
}

fn schedule(steps: usize) -> NoiseSchedule {
    let entry = |index| {
        let abar = 0.9999 * (1.0 - index as f64 / steps as f64).powi(2);
        ScheduleEntry { index, timestep: index * 10, abar }
    };
    NoiseSchedule { entries: (0..steps).map(entry).collect() }
}

#[test]
fn an_annealed_run_with_a_gaussian_prior_ends_at_the_regularised_solution() {
    let (problem, dense) = problem(Dense::random(9, 6, 12).matrix * Complex32::from(0.5), 1.0, 13);
    let (conditions, schedule) = (conditions(), schedule(40));
    let mut solver = splitting(&problem, &conditions);
    solver.prior = Some(&UnitGaussian);
    solver.schedule = Some(&schedule);
    solver.settings.lambda = 1e-5;
    solver.settings.cg.max_iterations = 40;
    let outcome = run(&solver, 40, &mut []).unwrap();
    assert_eq!(outcome.state.x_t, outcome.state.x_hat, "the last step adds no noise");
    let sigma = schedule.entries[0].sigma() as f32;
    let mu = solver.settings.lambda / (sigma * sigma);
    let mut right_hand_side = problem.adjoint().clone();
    right_hand_side.scaled_add(Complex32::from(mu), &outcome.state.x_tilde);
    let expected = linear_solution(&dense.matrix, mu, &right_hand_side);
    assert!(vector::distance(flat(&outcome.state.x_hat), &expected) < 1e-3 * vector::norm(&expected));
    let again = run(&solver, 40, &mut []).unwrap();
    assert_eq!(again.state.x_hat, outcome.state.x_hat, "same seed, same bytes");
    let other = run(&ProximalSplitting { seed: 8, ..solver }, 40, &mut []).unwrap();
    assert_ne!(other.state.x_t, outcome.state.x_t);
}

#[test]
fn renoising_mixes_fresh_and_estimated_noise() {
    let (problem, _) = problem(Dense::random(9, 6, 12).matrix, 1.0, 13);
    let (conditions, schedule) = (conditions(), schedule(10));
    for xi in [0.0f32, 0.4, 1.0] {
        let mut solver = splitting(&problem, &conditions);
        solver.prior = Some(&UnitGaussian);
        solver.schedule = Some(&schedule);
        solver.settings.xi = xi;
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
    let (conditions, schedule) = (conditions(), schedule(10));
    let mut solver = splitting(&problem, &conditions);
    solver.prior = Some(&UnitGaussian);
    solver.schedule = Some(&schedule);
    solver.settings.proximal = false;
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
    let state = run(&solver, 10, &mut []).unwrap().state;
    assert_eq!(state.x_t, state.x_hat, "the last step is the mean, which is x_0");
}

#[test]
fn the_projector_pulls_the_image_onto_the_physics() {
    let (flat_problem, dense) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let samples = random_complex(&[9], 15);
    let problem = Problem::new(Arc::new(Dense::of_voxel(dense.matrix)), 20.0, 1.0, samples.view()).unwrap();
    let conditions = conditions();
    let atom = OneAtom(vec![0.6, 0.0, 0.8]);
    let mut solver = splitting(&problem, &conditions);
    solver.projector = Some(&atom);
    solver.settings.gamma = 0.5;
    solver.settings.gamma_fixed = true;
    solver.settings.cg.max_iterations = 10;
    let state = run(&solver, 200, &mut []).unwrap().state;
    assert!(vector::distance(flat(&state.x_hat), flat(&state.z)) < 1e-3 * vector::norm(flat(&state.z)));
    let free = run(&splitting(&problem, &conditions), 1, &mut []).unwrap().state;
    assert!(vector::distance(flat(&state.x_hat), flat(&free.x_hat)) > 0.05 * vector::norm(flat(&free.x_hat)));
    let without_axes = ProximalSplitting { problem: &flat_problem, ..solver };
    let error = without_axes.start().unwrap_err().to_string();
    assert!(error.contains("expected an image with the axes (coefficient, y, x) or"), "{error}");
}

#[test]
fn the_reference_mode_runs_the_dual_of_an_absent_projector() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (conditions(), schedule(4));
    let mut solver = splitting(&problem, &conditions);
    solver.prior = Some(&UnitGaussian);
    solver.schedule = Some(&schedule);
    let default = run(&solver, 1, &mut []).unwrap().state;
    assert!(default.v.iter().all(|v| *v == Complex32::ZERO));
    solver.settings.reference_mode = true;
    let reference = run(&solver, 1, &mut []).unwrap().state;
    let sigma = schedule.entries[3].sigma() as f32;
    let gamma = solver.settings.gamma * solver.settings.lambda / (sigma * sigma);
    for (v, x_hat) in reference.v.iter().zip(&reference.x_hat) {
        assert!((v - x_hat * gamma).norm() <= 1e-6 * gamma * x_hat.norm());
    }
    assert!(reference.z.iter().all(|z| *z == Complex32::ZERO));
}

#[test]
fn without_the_data_step_the_prior_has_the_word() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (conditions(), schedule(4));
    let mut solver = splitting(&problem, &conditions);
    solver.prior = Some(&UnitGaussian);
    solver.schedule = Some(&schedule);
    solver.settings.proximal = false;
    let state = run(&solver, 3, &mut []).unwrap().state;
    assert_eq!(state.x_hat, state.x_tilde);
}

#[test]
fn one_noise_level_for_every_step() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (conditions(), schedule(4));
    let mut solver = splitting(&problem, &conditions);
    solver.prior = Some(&UnitGaussian);
    solver.schedule = Some(&schedule);
    solver.settings.sigma_level = Some(1);
    let state = run(&solver, 10, &mut []).unwrap().state;
    assert_eq!(state.step, 4, "no more steps than the schedule has");
    solver.settings.sigma_level = Some(4);
    assert!(matches!(solver.start(), Err(Error::Parameter { .. })));
}

#[test]
fn senseless_settings_are_refused() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (conditions(), schedule(4));
    let atom = OneAtom(vec![0.6, 0.0, 0.8]);
    let two_coefficients = OneAtom(vec![0.6, 0.8]);
    let refused = |change: &dyn Fn(&mut ProximalSplitting<'_>)| {
        let mut solver = splitting(&problem, &conditions);
        change(&mut solver);
        solver.start().err().map(|error| error.to_string())
    };
    let with_projector = ProximalSplitting { projector: Some(&atom), ..splitting(&problem, &conditions) };
    assert_eq!(
        with_projector.start().unwrap_err().to_string(),
        "proximal splitting: gamma: expected a positive gamma, and gamma_fixed where lambda is 0 or there is no prior, \
         got 0.01"
    );
    let mismatched = ProximalSplitting { projector: Some(&two_coefficients), ..splitting(&problem, &conditions) };
    assert!(matches!(mismatched.start(), Err(Error::Incompatible { .. })));
    let no_prior = ProximalSplitting { schedule: Some(&schedule), ..splitting(&problem, &conditions) };
    assert!(no_prior.start().is_err());
    assert!(refused(&|solver| solver.settings.lambda = -1.0).unwrap().contains("lambda"));
    assert!(refused(&|solver| solver.settings.lambda = f32::NAN).unwrap().contains("lambda"));
    assert!(refused(&|solver| solver.settings.xi = 1.5).unwrap().contains("xi"));
    assert!(refused(&|solver| solver.settings.penalty = 0.0).unwrap().contains("penalty"));
    assert!(refused(&|solver| solver.settings.proximal = false).unwrap().contains("proximal"));
    assert!(refused(&|solver| solver.settings.cg.max_iterations = 0).unwrap().contains("max_iterations"));
    assert!(refused(&|_| ()).is_none());
}

#[test]
fn settings_that_would_say_nothing_are_refused() {
    let (problem, _) = problem(Dense::random(9, 3, 14).matrix, 20.0, 15);
    let (conditions, schedule) = (conditions(), schedule(4));
    let refused = |annealed: bool, change: &dyn Fn(&mut SplittingSettings)| {
        let mut solver = ProximalSplitting { prior: Some(&UnitGaussian), ..splitting(&problem, &conditions) };
        solver.schedule = annealed.then_some(&schedule);
        change(&mut solver.settings);
        solver.start().err().map(|error| error.to_string()).unwrap_or_default()
    };
    let posterior = |settings: &mut SplittingSettings| settings.renoising = Renoising::DdpmPosterior;
    for annealed in [false, true] {
        assert_eq!(refused(annealed, &|_| ()), "");
        assert_eq!(refused(annealed, &|s| s.xi = 0.5).contains("xi: expected its default"), !annealed);
        assert_eq!(refused(annealed, &|s| s.sigma_level = Some(1)).contains("sigma_level: expected"), !annealed);
        assert_eq!(refused(annealed, &posterior).contains("renoising: expected its default"), !annealed);
        assert_eq!(refused(annealed, &|s| s.penalty = 2.0).contains("penalty: expected its default"), annealed);
        assert_eq!(refused(annealed, &|s| s.tolerance = 0.1).contains("tolerance: expected its default"), annealed);
        assert!(refused(annealed, &|s| s.gamma_fixed = true).contains("no projector in the loop"));
    }
    let with_posterior = |change: &dyn Fn(&mut SplittingSettings)| {
        refused(true, &|settings| {
            posterior(settings);
            change(settings);
        })
    };
    assert!(with_posterior(&|s| s.xi = 0.5).contains("its own share of noise"));
    assert!(with_posterior(&|s| s.sigma_level = Some(1)).contains("from level to level"));
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
    let plain = estimate_intensity(&operator, samples.view()).unwrap();
    assert!((plain - 18f32.sqrt()).abs() < 1e-4);
    let tenfold = estimate_intensity(&operator, samples.mapv(|value| value * 10.0).view()).unwrap();
    assert!((tenfold - 10.0 * plain).abs() < 1e-3);
    assert!(estimate_intensity(&operator, operator.domain().zeros().view()).is_err());
}
