//! Helpers of the tests: random tensors, and gradients against finite differences.

use candle_core::{Device, Result, Tensor, Var};
use rand::{RngExt, SeedableRng};

/// Uniform in [-1, 1].
pub fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = diph_core::Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).expect("shape and values fit")
}

/// `|a - b| / |b|`, zero when both are zero.
pub fn relative_error(a: &Tensor, b: &Tensor) -> Result<f32> {
    assert_eq!(a.dims(), b.dims());
    let difference = (a - b)?.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt();
    let norm = b.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt();
    Ok(if difference == 0.0 { 0.0 } else { difference / norm.max(f32::MIN_POSITIVE) })
}

/// Gradients of `sum(weights * f(inputs))` with fixed random weights.
pub fn gradients(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<Vec<Tensor>> {
    let variables = inputs.iter().map(Var::from_tensor).collect::<Result<Vec<_>>>()?;
    let tensors: Vec<Tensor> = variables.iter().map(|variable| variable.as_tensor().clone()).collect();
    let y = f(&tensors)?;
    let loss = (&y * random(y.dims(), 99))?.sum_all()?;
    let gradients = loss.backward()?;
    Ok(tensors.iter().map(|tensor| gradients.get(tensor).expect("a gradient for every input").clone()).collect())
}

/// Compares the derivative along random directions with central differences (summed in f64).
pub fn check_gradients(inputs: &[Tensor], f: impl Fn(&[Tensor]) -> Result<Tensor>) -> Result<()> {
    const STEP: f64 = 1e-2;
    let gradients = gradients(inputs, &f)?;
    let loss = |inputs: &[Tensor]| -> Result<f64> {
        let y = f(inputs)?;
        let weights = random(y.dims(), 99).flatten_all()?.to_vec1::<f32>()?;
        let y = y.flatten_all()?.to_vec1::<f32>()?;
        Ok(y.iter().zip(weights).map(|(y, weight)| f64::from(*y) * f64::from(weight)).sum())
    };
    for (index, gradient) in gradients.iter().enumerate() {
        let direction = random(inputs[index].dims(), 7 + index as u64);
        let moved = |step: f64| -> Result<f64> {
            let mut inputs = inputs.to_vec();
            inputs[index] = (&inputs[index] + (&direction * step)?)?;
            loss(&inputs)
        };
        // Richardson extrapolation of two central differences removes the error of second order.
        let central = |step: f64| -> Result<f64> { Ok((moved(step)? - moved(-step)?) / (2.0 * step)) };
        let expected = (4.0 * central(STEP)? - central(2.0 * STEP)?) / 3.0;
        let terms = (gradient * &direction)?;
        let derivative = f64::from(terms.sum_all()?.to_scalar::<f32>()?);
        let scale = f64::from(terms.sqr()?.sum_all()?.to_scalar::<f32>()?.sqrt()).max(expected.abs());
        let error = (derivative - expected).abs() / scale.max(1e-6);
        assert!(error < 5e-3, "input {index}: derivative {derivative}, finite difference {expected}");
    }
    Ok(())
}
