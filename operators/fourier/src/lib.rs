//! Plans of fast Fourier transforms in single precision.
//!
//! The kernels of `rustfft` are generic, so that every crate that makes plans compiles all of them for itself: twenty
//! seconds each time. Operators get their plans here instead, and use them through [`Fft`] without compiling a kernel.
//!
//! [`Circulant`] is the periodic convolution of several images with a matrix of kernels: preconditioners and Gaussian
//! priors are made of it.

mod circulant;
mod symmetric;

pub use circulant::Circulant;
pub use symmetric::{pair, pairs};

use std::sync::Arc;

use rustfft::FftPlanner;
pub use rustfft::{Fft, FftDirection};

/// The plans of an unnormalised transform of `length` complex values and of its adjoint: first
/// `sum over n of x_n exp(-2 pi i k n / length)`, then the same sum with the opposite sign of the exponent.
pub fn plan_pair(length: usize) -> [Arc<dyn Fft<f32>>; 2] {
    let mut planner = FftPlanner::new();
    [planner.plan_fft_forward(length), planner.plan_fft_inverse(length)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex32;

    #[test]
    fn the_first_plan_has_the_negative_exponent_and_the_second_undoes_it() {
        let length = 12;
        let [forward, adjoint] = plan_pair(length);
        let mut values = vec![Complex32::default(); length];
        values[1] = Complex32::from(1.0);
        forward.process(&mut values);
        let expected = Complex32::from_polar(1.0, -std::f32::consts::TAU / length as f32);
        assert!((values[1] - expected).norm() < 1e-6, "{}", values[1]);
        adjoint.process(&mut values);
        assert!((values[1] - length as f32).norm() < 1e-5 && values[2].norm() < 1e-5);
    }
}
