//! Norm of an operator by power iteration.

use ndarray::ArrayD;
use num_complex::Complex32;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

use crate::{Breakdown, ForwardOperator, Iteration, Result, Rng, StopReason, run, vector};

/// Power iteration on `A^H A`. Its largest eigenvalue is `L = ||A^H A|| = ||A||^2`.
#[derive(Clone)]
pub struct OperatorNorm<'a> {
    /// `A`; only its `normal` is called.
    pub operator: &'a dyn ForwardOperator,
    /// Stops when the estimate changes by less than this share.
    pub tolerance: f64,
    /// Seed of the random start.
    pub seed: u64,
}

impl<'a> OperatorNorm<'a> {
    /// Steps after which [`estimate`](Self::estimate) gives up waiting for the tolerance.
    const MAX_ITERATIONS: usize = 100;

    /// An estimate to a share of 1e-4, from a fixed seed.
    pub fn new(operator: &'a dyn ForwardOperator) -> Self {
        Self { operator, tolerance: 1e-4, seed: 0 }
    }

    /// `L = ||A^H A||`. Power iteration approaches it from below.
    ///
    /// # Errors
    /// Those of the operator.
    pub fn estimate(&self) -> Result<f64> {
        Ok(run(self, Self::MAX_ITERATIONS, &mut [])?.state.norm)
    }
}

/// State of the power iteration.
#[derive(Clone, Debug)]
pub struct PowerState {
    /// Estimate of `||A^H A||`.
    pub norm: f64,
    direction: ArrayD<Complex32>,
    product: ArrayD<Complex32>,
}

impl Iteration for OperatorNorm<'_> {
    type State = PowerState;

    fn start(&self) -> Result<PowerState> {
        let mut rng = Rng::seed_from_u64(self.seed);
        let mut normal = || StandardNormal.sample(&mut rng);
        let shape = self.operator.domain().shape();
        let mut direction = ArrayD::from_shape_simple_fn(shape, || Complex32::new(normal(), normal()));
        normalise(&mut direction);
        Ok(PowerState { norm: 0.0, direction, product: self.operator.domain().zeros() })
    }

    fn step(&self, state: &mut PowerState) -> Result<Option<StopReason>> {
        self.operator.normal(state.direction.view(), state.product.view_mut())?;
        std::mem::swap(&mut state.direction, &mut state.product);
        let norm = normalise(&mut state.direction);
        let change = (norm - state.norm).abs();
        state.norm = norm;
        if !norm.is_finite() {
            return Ok(Some(StopReason::Breakdown(Breakdown::NotFinite)));
        }
        Ok((change <= self.tolerance * norm).then_some(StopReason::Converged))
    }
}

/// Scales to norm 1 and returns the norm before; leaves zeros alone.
fn normalise(x: &mut ArrayD<Complex32>) -> f64 {
    let norm = vector::norm(x.as_slice().unwrap_or_default());
    if norm > 0.0 {
        x.mapv_inplace(|value| value * (1.0 / norm) as f32);
    }
    norm
}
