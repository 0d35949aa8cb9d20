//! Conjugate gradients on a measured slice, with the preconditioner and without: residuals against steps and seconds.
//!
//! ```text
//! cargo run --release --package diph-nufft --example data_step -- DATASET VOLUME SLICE [ROUNDS]
//! ```
//!
//! Both runs take turns, and the medians of the rounds are printed as Markdown. Steps and residuals are those of
//! `(A^H A + rho I) u = A^H y` from zero, with the operator divided by its norm, as methods have it.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use diph_core::{CgSettings, ConjugateGradient, ForwardOperator, FourierScale, Iteration, OperatorNorm, Problem};
use diph_datasets::{DatasetFolder, SliceId};
use diph_nufft::{MrfOperator, MrfOptions, Trajectory};
use ndarray::s;

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Of the data set: the cut of its dictionary, the coefficients of a reconstruction, pixels of a side.
const CUT: usize = 3;
const COEFFICIENTS: usize = 5;
const SIDE: usize = 230;

const DAMPINGS: [f32; 4] = [1e-2, 1e-3, 1e-4, 0.0];
const RESIDUALS: [f64; 4] = [1e-1, 1e-2, 1e-3, 1e-4];
const MOST_STEPS: usize = 400;

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, volume, slice, rounds) = match arguments.as_slice() {
        [folder, volume, slice] => (folder, volume, slice, 5),
        [folder, volume, slice, rounds] => (folder, volume, slice, rounds.parse()?),
        _ => return Err("expected DATASET VOLUME SLICE [ROUNDS]".into()),
    };
    let problem = measured(folder.into(), SliceId::new(volume.parse()?, slice.parse()?))?;
    println!("| rho | steps | per step | {} |", RESIDUALS.map(|residual| format!("{residual:.0e}")).join(" | "));
    println!("|---|---|---|{}", "---|".repeat(RESIDUALS.len()));
    for damping in DAMPINGS {
        let mut runs = [Vec::new(), Vec::new()];
        for _ in 0..rounds {
            for (preconditioned, runs) in runs.iter_mut().enumerate() {
                runs.push(Run::of(&problem, damping, preconditioned == 1)?);
            }
        }
        for (name, runs) in ["plain", "preconditioned"].iter().zip(&runs) {
            let per_step = median(
                runs.iter().map(|run| run.seconds.last().copied().unwrap_or_default() / run.seconds.len() as f64),
            );
            let reached = RESIDUALS.map(|residual| reached(runs, residual));
            println!("| {damping:.0e} | {name} | {:.1} ms | {} |", 1e3 * per_step, reached.join(" | "));
        }
    }
    Ok(())
}

/// The slice's problem with normalised operator; says how long what depends on the acquisition alone took.
fn measured(folder: PathBuf, slice: SliceId) -> Result<Problem> {
    let folder = DatasetFolder::new(folder);
    let basis = folder.dictionary(CUT)?.v.slice(s![.., ..COEFFICIENTS]).mapv(|value| value as f32);
    let trajectory = Trajectory::from_interleaves(folder.trajectory()?.positions.view(), basis.nrows())?;
    let mut options = MrfOptions::new(trajectory, basis, SIDE, SIDE);
    options.normalisation = FourierScale::TwiceOversampled;
    let operator = Arc::new(MrfOperator::new(options)?);
    let (image, mut out) = (operator.domain().zeros(), operator.domain().zeros());
    let begin = Instant::now();
    operator.normal(image.view(), out.view_mut())?;
    println!("Kernels of the normal operator: {:.2} s.", begin.elapsed().as_secs_f64());
    let norm = OperatorNorm::new(&*operator).estimate()?;
    if let Some(preconditioner) = operator.preconditioner() {
        let mut of_rho = |name: &str, rho: f64| -> Result {
            let begin = Instant::now();
            preconditioner.apply((rho * norm) as f32, image.view(), out.view_mut())?;
            println!("{name}: {:.3} s.", begin.elapsed().as_secs_f64());
            Ok(())
        };
        of_rho("Preconditioner, first call", 1e-2)?;
        of_rho("Call with another rho", 1e-3)?;
        of_rho("Call with the same rho", 1e-3)?;
        println!();
    }
    let samples = folder.kspace(slice, CUT)?.into_dyn();
    Ok(Problem::new(operator, norm, 1.0, samples.view())?)
}

/// Residuals, as shares of the right-hand side, and seconds since the start after every step.
struct Run {
    residuals: Vec<f64>,
    seconds: Vec<f64>,
}

impl Run {
    /// Until the least of the residuals is reached.
    fn of(problem: &Problem, damping: f32, preconditioned: bool) -> Result<Self> {
        let settings = CgSettings {
            max_iterations: MOST_STEPS,
            relative_tolerance: RESIDUALS[RESIDUALS.len() - 1],
            absolute_tolerance: 0.0,
            preconditioned: Some(preconditioned),
        };
        let (operator, right_hand_side) = (problem.operator(), problem.adjoint());
        let solver = ConjugateGradient { operator, damping, right_hand_side, warm_start: None, settings };
        let norm = right_hand_side.iter().map(|value| f64::from(value.norm_sqr())).sum::<f64>().sqrt();
        let mut run = Self { residuals: Vec::new(), seconds: Vec::new() };
        // What depends on rho alone is made before the clock runs.
        solver.start()?;
        let begin = Instant::now();
        let mut state = solver.start()?;
        for _ in 0..MOST_STEPS {
            let stop = solver.step(&mut state)?;
            run.residuals.push(state.residual_norm / norm);
            run.seconds.push(begin.elapsed().as_secs_f64());
            if stop.is_some() {
                break;
            }
        }
        Ok(run)
    }
}

/// Steps and median seconds until a residual, for the table.
fn reached(runs: &[Run], residual: f64) -> String {
    let Some(step) = runs.first().and_then(|run| run.residuals.iter().position(|found| *found < residual)) else {
        return format!("not in {MOST_STEPS}");
    };
    let seconds = median(runs.iter().map(|run| run.seconds.get(step).copied().unwrap_or(f64::NAN)));
    format!("{} ({:.0} ms)", step + 1, 1e3 * seconds)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
