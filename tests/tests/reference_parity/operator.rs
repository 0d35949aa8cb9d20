//! NUFFT and the data step.

use diph_core::{CgSettings, ConjugateGradient, ForwardOperator};
use ndarray::ArrayD;
use num_complex::Complex32;

use crate::world::{World, error};

/// Between Diph at an accuracy of 1e-4 and the direct sum.
const EXACT: f64 = 1e-4;
/// Between Diph and the Python code, whose own NUFFT is 5e-4 to 7e-4 away from the direct sum.
const PYTHON: f64 = 1e-3;

#[test]
fn forward_and_adjoint_agree_with_the_direct_sum_and_the_python_nufft() {
    let Some(world) = World::open() else { return };
    let operator = world.operator(false);
    let x = world.complex("nufft_pair.npz", "x", 3);
    let mut y = operator.range().zeros();
    operator.forward(x.view(), y.view_mut()).unwrap();
    let forward = |key| error(&world.complex("nufft_pair.npz", key, 3), &y);
    assert!(forward("forward_exact") < EXACT, "{}", forward("forward_exact"));
    assert!(forward("forward") < PYTHON, "{}", forward("forward"));

    let image = weighted_adjoint(&*world.operator(true), world.complex("ksp_vol0_slice5_cut3.npz", "y", 3));
    let adjoint = |key| error(&world.complex("nufft_pair.npz", key, 3), &image);
    assert!(adjoint("adjoint_exact") < EXACT, "{}", adjoint("adjoint_exact"));
    assert!(adjoint("adjoint_of_y") < PYTHON, "{}", adjoint("adjoint_of_y"));
    eprintln!(
        "relative error: forward {:.1e} (direct sum) {:.1e} (Python), adjoint {:.1e} and {:.1e}",
        forward("forward_exact"),
        forward("forward"),
        adjoint("adjoint_exact"),
        adjoint("adjoint_of_y")
    );
}

/// `A^H W y`: the operator has one square root of W, the data get the other.
fn weighted_adjoint(operator: &dyn ForwardOperator, mut samples: ArrayD<Complex32>) -> ArrayD<Complex32> {
    let weights = operator.data_weights().unwrap().unwrap();
    samples.zip_mut_with(&weights, |sample, weight| *sample *= *weight);
    let mut image = operator.domain().zeros();
    operator.adjoint(samples.view(), image.view_mut()).unwrap();
    image
}

#[test]
fn the_data_step_agrees_after_five_conjugate_gradient_steps() {
    let Some(world) = World::open() else { return };
    let operator = world.operator(true);
    let damping = world.array::<f32>("prox_pair.npz", "rho").into_iter().next().unwrap();
    let mut right_hand_side = world.complex("prox_pair.npz", "AHy", 3);
    right_hand_side.scaled_add(Complex32::from(damping), &world.complex("prox_pair.npz", "x", 3));
    let outcome = ConjugateGradient {
        operator: &*operator,
        damping,
        right_hand_side: &right_hand_side,
        warm_start: None,
        settings: CgSettings::default(),
    }
    .solve()
    .unwrap();
    let error = error(&world.complex("prox_pair.npz", "prox", 3), &outcome.state.solution);
    assert!(error < PYTHON, "{error}");
    eprintln!("relative error after {} steps: {error:.1e}", outcome.iterations);
}
