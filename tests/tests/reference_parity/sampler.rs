//! Steps of the annealed loop, with the Python network's own output in the place of a prior.

use std::collections::BTreeMap;
use std::sync::Arc;

use diph_core::{
    CgSettings, ForwardOperator, Iteration, NoiseSchedule, Prior, PriorContext, Problem, ProximalSplitting, Result,
    ScheduleEntry, SplittingSettings, SplittingState, View, ViewMut,
};
use ndarray::{Array3, ArrayD, Ix4};
use num_complex::Complex32;

use crate::world::{SIZE, World, error};

/// Returns what the Python network returned.
struct Recorded {
    x_tilde: ArrayD<Complex32>,
    expected_input: ArrayD<Complex32>,
}

impl Prior for Recorded {
    fn name(&self) -> &str {
        "recorded"
    }

    fn denoise(&self, noisy: View<'_>, _: f32, mut clean: ViewMut<'_>, context: &mut PriorContext<'_>) -> Result<()> {
        let abar = context.schedule.unwrap().abar;
        let x_t = noisy.mapv(|value| value * abar.sqrt() as f32);
        assert!(error(&self.expected_input, &x_t) < 1e-6, "the prior is given x_t / sqrt(abar)");
        clean.assign(&self.x_tilde);
        Ok(())
    }
}

fn schedule(world: &World) -> NoiseSchedule {
    let meta = world.meta();
    let numbers = |key: &str| -> Vec<f64> {
        meta["schedule30"][key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let entries = numbers("timestep_map").into_iter().zip(numbers("alphas_cumprod")).enumerate();
    let entry = |(index, (timestep, abar))| ScheduleEntry { index, timestep: timestep as usize, abar };
    NoiseSchedule { entries: entries.map(entry).collect() }
}

/// Real channels re_0, im_0, re_1, ... of one sample as an image.
fn from_channels(channels: ArrayD<f32>) -> ArrayD<Complex32> {
    let shape = [1, 10, SIZE, SIZE];
    let channels = channels.into_shape_with_order(shape).unwrap().into_dimensionality::<Ix4>().unwrap();
    Array3::from_shape_fn((5, SIZE, SIZE), |(k, y, x)| {
        Complex32::new(channels[[0, 2 * k, y, x]], channels[[0, 2 * k + 1, y, x]])
    })
    .into_dyn()
}

fn noise(world: &World, index: usize) -> ArrayD<Complex32> {
    let all = world.array::<f32>("noise.npz", "noise");
    from_channels(all.index_axis(ndarray::Axis(0), index).to_owned())
}

fn check_steps(file: &str) {
    let Some(world) = World::open() else { return };
    let (schedule, conditions) = (schedule(&world), BTreeMap::new());
    let operator: Arc<dyn ForwardOperator> = world.operator(true);
    let problem = Problem::new(operator, 1.0, 1.0, world.samples().view()).unwrap();
    let projector = world.projector();
    let image = |key: String| world.complex(file, &key, 3);
    let channels = |key: String| from_channels(world.array::<f32>(file, &key));
    for step in [29usize, 15, 1, 0] {
        let prior = Recorded {
            x_tilde: image(format!("step{step}_out_x_tilda")),
            expected_input: channels(format!("step{step}_in_x_t")),
        };
        let solver = ProximalSplitting {
            problem: &problem,
            prior: Some(&prior),
            projector: Some(&projector),
            schedule: Some(&schedule),
            conditions: &conditions,
            settings: SplittingSettings {
                iterations: 30,
                lambda: 1e-4,
                gamma: 1e-2,
                xi: 1.0,
                cg: CgSettings { max_iterations: 5, relative_tolerance: 1e-5, absolute_tolerance: 0.0 },
                ..SplittingSettings::default()
            },
            seed: 0,
        };
        let mut state: SplittingState = solver.start().unwrap();
        state.step = 29 - step;
        state.x_t = channels(format!("step{step}_in_x_t"));
        state.z = image(format!("step{step}_in_z"));
        state.v = image(format!("step{step}_in_v"));
        state.x_hat = image(format!("step{step}_in_x_hat_prev"));
        solver.step_with_noise(&mut state, |_| Ok(noise(&world, step))).unwrap();

        let x_hat = error(&image(format!("step{step}_out_x_hat")), &state.x_hat);
        assert!(x_hat < 2e-3, "step {step}: x_hat {x_hat}");
        let expected_z = image(format!("step{step}_out_z"));
        let same = same_atoms(&expected_z, &state.z);
        let flipped = same.iter().filter(|same| !**same).count();
        assert!(flipped < SIZE * SIZE / 100, "step {step}: {flipped} voxels have another atom");
        for (name, expected, got) in [
            ("z", expected_z, &state.z),
            ("v", image(format!("step{step}_out_v")), &state.v),
            ("x_t", channels(format!("step{step}_out_x_t")), &state.x_t),
        ] {
            let error = error(&masked(&expected, &same), &masked(got, &same));
            assert!(error < 2e-3, "step {step}: {name} {error}");
        }
        eprintln!("{file}, step {step}: x_hat {x_hat:.1e}, {flipped} voxels with another atom");
    }
}

/// Whether two projections of a voxel are nearly parallel; neighbouring atoms of a dictionary are not.
fn same_atoms(expected: &ArrayD<Complex32>, got: &ArrayD<Complex32>) -> Vec<bool> {
    let voxel = |image: &ArrayD<Complex32>, i: usize| -> Vec<Complex32> {
        (0..5).map(|k| image[[k, i / SIZE, i % SIZE]]).collect()
    };
    (0..SIZE * SIZE)
        .map(|i| diph_core::metrics::nrmse_up_to_scale(&voxel(expected, i), &voxel(got, i)) < 1e-4)
        .collect()
}

fn masked(image: &ArrayD<Complex32>, keep: &[bool]) -> ArrayD<Complex32> {
    let mut image = image.clone();
    for ((_, y, x), value) in image.view_mut().into_dimensionality::<ndarray::Ix3>().unwrap().indexed_iter_mut() {
        if !keep[y * SIZE + x] {
            *value = Complex32::ZERO;
        }
    }
    image
}

#[test]
fn conditional_steps_agree() {
    check_steps("steps_conditional_lambda0.0001_gamma0.01_xi1.npz");
}

#[test]
fn unconditional_steps_agree() {
    check_steps("steps_unconditional_lambda0.0001_gamma0.01_xi1.npz");
}
