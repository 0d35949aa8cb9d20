//! One slice through one method.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

use diph_core::{
    Fista, Observer, ParameterMaps, Prior, Problem, Progress, ProximalSplitting, Result, StopReason, View,
    estimate_intensity,
};
use ndarray::ArrayD;
use num_complex::Complex32;

use super::{Parts, Reconstruction};
use crate::method::{Intensity, Method, Solver};

/// Solver-independent result, in units of the intensity.
struct Solved {
    x_hat: ArrayD<Complex32>,
    in_loop: Option<(ArrayD<Complex32>, ParameterMaps)>,
    iterations: usize,
    stop: StopReason,
}

/// Reconstructs `samples` (coil, frame, sample). `on_step` hears of every step (finished, all) and may end the run.
///
/// # Errors
/// Those of the parts, and of settings that make no sense.
pub fn reconstruct(
    method: &Method,
    parts: &Parts,
    samples: View<'_>,
    seed: u64,
    on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Reconstruction> {
    let norm = parts.operator_norm(method.scale)?;
    let begin = Instant::now();
    let intensity = match method.intensity {
        Intensity::Given(value) => value,
        Intensity::Estimated(_) => estimate_intensity(parts.operator(), samples.view())?,
    };
    let problem = Problem::new(parts.operator().clone(), norm, intensity, samples)?;
    let solved = solve(method, parts, &problem, seed, on_step)?;
    let x_hat = solved.x_hat.mapv(|value| value * intensity);
    let (projected, own_maps) = project(parts, &x_hat)?;
    let (tsmi, maps) = match solved.in_loop {
        Some((z, maps)) => (z.mapv(|value| value * intensity), scaled(maps, intensity)),
        None => (x_hat.clone(), own_maps),
    };
    Ok(Reconstruction {
        tsmi,
        x_hat,
        projected,
        maps,
        iterations: solved.iterations,
        stop: solved.stop,
        intensity,
        elapsed: begin.elapsed(),
    })
}

fn solve(
    method: &Method,
    parts: &Parts,
    problem: &Problem,
    seed: u64,
    on_step: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Solved> {
    let conditions = BTreeMap::new();
    match &method.solver {
        Solver::ProximalSplitting(settings) => {
            let schedule = match parts.prior() {
                Some(prior) => prior.noise_schedule(settings.iterations)?,
                None => None,
            };
            let solver = ProximalSplitting {
                problem,
                prior: parts.prior(),
                projector: method.physics_in_loop.then_some(parts.projector()),
                schedule: schedule.as_ref(),
                conditions: &conditions,
                settings: settings.clone(),
                seed,
            };
            let outcome = solver.solve(&mut [&mut steps(on_step)])?;
            let state = outcome.state;
            let in_loop = state.maps.map(|maps| (state.z, maps));
            Ok(Solved { x_hat: state.x_hat, in_loop, iterations: outcome.iterations, stop: outcome.stop })
        }
        Solver::Fista(settings) => {
            let prior = required_prior(method, parts)?;
            let solver = Fista { problem, prior, settings: settings.clone(), conditions: &conditions, seed };
            let outcome = solver.solve(&mut [&mut steps(on_step)])?;
            Ok(Solved { x_hat: outcome.state.x, in_loop: None, iterations: outcome.iterations, stop: outcome.stop })
        }
    }
}

/// An observer that only counts.
fn steps<'a, S>(on_step: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>) -> impl Observer<S> + 'a {
    move |progress: &Progress<'_, S>| Ok(on_step(progress.iteration, progress.max_iterations))
}

fn required_prior<'a>(method: &Method, parts: &'a Parts) -> Result<&'a dyn Prior> {
    let missing = || diph_core::Error::parameter(&method.name, "prior", "a prior for the solver `fista`", "none");
    if method.physics_in_loop {
        let expected = "false with the solver `fista`; use `proximal-splitting`";
        return Err(diph_core::Error::parameter(&method.name, "physics_in_loop", expected, true));
    }
    parts.prior().ok_or_else(missing)
}

fn project(parts: &Parts, image: &ArrayD<Complex32>) -> Result<(ArrayD<Complex32>, ParameterMaps)> {
    let projector = parts.projector();
    let (height, width) = parts.image_size();
    let mut projected = ArrayD::zeros(image.shape());
    let mut maps = ParameterMaps::zeros(projector.parameters().to_vec(), height, width);
    projector.project(image.view(), projected.view_mut(), Some(&mut maps))?;
    Ok((projected, maps))
}

fn scaled(mut maps: ParameterMaps, intensity: f32) -> ParameterMaps {
    maps.amplitude.mapv_inplace(|value| value * intensity);
    maps
}
