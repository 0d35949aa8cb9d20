//! The gradients of the modules against finite differences: only afterwards are they a reference for others.

mod common;

use candle_core::Var;
use common::{Example, Reference, Result, SETTINGS, config, random, random_parameters};

/// Length of a step in f64, relative to parameters and pixels of the size of 1.
const STEP: f64 = 1e-5;

/// Largest Euclidean norm of a direction: along longer ones the third derivative shows.
const LONGEST: f64 = 10.0;

/// The derivative of the loss along a direction in one variable, by central differences.
fn finite_difference(reference: &Reference, variable: &Var, direction: &candle_core::Tensor) -> Result<f64> {
    let start = variable.as_tensor().copy()?;
    let loss = |step: f64| -> Result<f64> {
        variable.set(&(&start + (direction * step)?)?)?;
        Ok(reference.loss()?.to_scalar()?)
    };
    let difference = (loss(STEP)? - loss(-STEP)?) / (2.0 * STEP);
    variable.set(&start)?;
    Ok(difference)
}

fn check(name: &str, reference: &Reference, variable: &Var, gradient: &[f64], seed: u64) -> Result {
    let direction: Vec<f64> = random(variable.dims(), seed).values().iter().copied().map(f64::from).collect();
    let norm = direction.iter().map(|value| value * value).sum::<f64>().sqrt();
    let direction: Vec<f64> = direction.iter().map(|value| value * (LONGEST / norm).min(1.0)).collect();
    let derivative: f64 = gradient.iter().zip(&direction).map(|(gradient, value)| gradient * value).sum();
    let direction = candle_core::Tensor::from_vec(direction, variable.shape(), variable.device())?;
    let expected = finite_difference(reference, variable, &direction)?;
    // Some gradients are zero: that of a bias before the normalisation of a single channel.
    let error = (derivative - expected).abs() / (expected.abs() + 1e-2);
    assert!(error < 1e-6, "{name}: derivative {derivative}, finite difference {expected}");
    Ok(())
}

/// Every parameter by itself, and the image.
#[test]
fn gradients_match_finite_differences() -> Result {
    for changes in SETTINGS {
        let config = config(changes)?;
        let reference = Reference::new(&config, &random_parameters(&config)?, &Example::new(&config))?;
        let (gradients, of_image) = reference.gradients()?;
        for (seed, (name, variable)) in reference.variables.iter().enumerate() {
            let label = format!("{changes}: {name}");
            check(&label, &reference, variable, &gradients[name], 1000 + seed as u64)?;
        }
        check(&format!("{changes}: the image"), &reference, &reference.x, &of_image, 999)?;
    }
    Ok(())
}
