//! Conjugate gradients on the acquisition of the in-vivo data, with and without the preconditioner.
//!
//! The data are not part of the project; the test says so and passes where they are absent.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use diph_core::{CgSettings, ConjugateGradient, FourierScale, Iteration, OperatorNorm, Problem};
use diph_datasets::{DatasetFolder, SliceId};
use diph_nufft::{MrfOperator, MrfOptions, Trajectory};

const CUT: usize = 3;
const MOST_STEPS: usize = 400;
/// Where a data step counts as solved.
const SOLVED: f64 = 1e-3;

fn problem() -> Option<Problem> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/Deli-CS");
    if !path.is_dir() {
        eprintln!("skipped: the in-vivo Deli-CS maps are not present");
        return None;
    }
    let folder = DatasetFolder::new(path);
    let basis = folder.dictionary(CUT).unwrap().v.slice(ndarray::s![.., ..5]).mapv(|value| value as f32);
    let trajectory = folder.trajectory().unwrap();
    let trajectory = Trajectory::from_interleaves(trajectory.positions.view(), basis.nrows()).unwrap();
    let mut options = MrfOptions::new(trajectory, basis, 230, 230);
    options.normalisation = FourierScale::TwiceOversampled;
    let operator = Arc::new(MrfOperator::new(options).unwrap());
    let norm = OperatorNorm::new(&*operator).estimate().unwrap();
    let samples = folder.kspace(SliceId::new(0, 10), CUT).unwrap().into_dyn();
    Some(Problem::new(operator, norm, 1.0, samples.view()).unwrap())
}

/// Steps and time until solved, and the residual at some steps on the way.
fn run(problem: &Problem, damping: f32, preconditioned: bool) -> (usize, Duration) {
    let settings = CgSettings {
        max_iterations: MOST_STEPS,
        relative_tolerance: SOLVED,
        absolute_tolerance: 0.0,
        preconditioned: Some(preconditioned),
    };
    let (operator, right_hand_side) = (problem.operator(), problem.adjoint());
    let solver = ConjugateGradient { operator, damping, right_hand_side, warm_start: None, settings };
    let norm = right_hand_side.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>().sqrt();
    // Kernels are made at the first use.
    let mut warm_up = solver.start().unwrap();
    solver.step(&mut warm_up).unwrap();
    let begin = Instant::now();
    let mut state = solver.start().unwrap();
    let mut line = String::new();
    for step in 1..=MOST_STEPS {
        let stop = solver.step(&mut state).unwrap();
        if [1, 2, 5, 10, 20, 50, 100, 200].contains(&step) || stop.is_some() {
            line += &format!("  {step}: {:.1e}", state.residual_norm / norm);
        }
        if stop.is_some() {
            let elapsed = begin.elapsed();
            let each = 1e3 * elapsed.as_secs_f64() / step as f64;
            eprintln!("rho {damping:.0e}, preconditioned {preconditioned}: {each:.1} ms per step;{line}");
            return (step, elapsed);
        }
    }
    eprintln!("rho {damping:.0e}, preconditioned {preconditioned}: not solved;{line}");
    (MOST_STEPS, begin.elapsed())
}

#[test]
fn a_data_step_is_solved_in_few_steps() {
    let Some(problem) = problem() else { return };
    for damping in [1e-2, 1e-3, 1e-4] {
        let (plain, plain_time) = run(&problem, damping, false);
        let (few, time) = run(&problem, damping, true);
        eprintln!("time ratio {:.2}", time.as_secs_f64() / plain_time.as_secs_f64());
        // Steps and not seconds, which depend on what else runs.
        assert!(5 * few <= plain, "rho {damping}: {few} of {plain} steps");
    }
}
