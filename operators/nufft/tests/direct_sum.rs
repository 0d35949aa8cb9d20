//! The transform against the direct sum in f64, at every accuracy.

mod common;

use std::f64::consts::TAU;

use common::{complex_noise, random_trajectory};
use diph_nufft::{Accuracy, Nufft, Trajectory};
use ndarray::{Array2, ArrayD};
use num_complex::{Complex32, Complex64};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Table of shapes: height, width, coefficients. Odd, even, prime, not square, one pixel high.
const SHAPES: [(usize, usize, usize); 7] =
    [(16, 16, 1), (17, 23, 2), (24, 31, 5), (48, 20, 3), (1, 40, 1), (64, 64, 5), (13, 30, 11)];

/// `|got - exact| / |exact|` in the l2 norm.
fn relative_error(got: &[Complex32], exact: &[Complex64]) -> f64 {
    assert_eq!(got.len(), exact.len());
    let wide = |value: &Complex32| Complex64::new(value.re.into(), value.im.into());
    let error: f64 = got.iter().zip(exact).map(|(a, b)| (wide(a) - b).norm_sqr()).sum();
    (error / exact.iter().map(|value| value.norm_sqr()).sum::<f64>()).sqrt()
}

fn phase(k: [f64; 2], pixel: usize, height: usize, width: usize) -> f64 {
    let y = (pixel / width) as f64 - (height / 2) as f64;
    let x = (pixel % width) as f64 - (width / 2) as f64;
    TAU * (k[0] * y + k[1] * x)
}

fn direct_forward(trajectory: &Trajectory, basis: &Array2<f32>, images: &ArrayD<Complex32>) -> Vec<Complex64> {
    let (height, width) = (images.shape()[1], images.shape()[2]);
    let images = images.as_slice().unwrap();
    let mut samples = Vec::new();
    for frame in 0..trajectory.frames() {
        let mixed: Vec<Complex64> = (0..height * width)
            .map(|pixel| {
                let value = |k: usize| images[k * height * width + pixel] * basis[[frame, k]];
                (0..basis.ncols()).map(|k| Complex64::new(value(k).re.into(), value(k).im.into())).sum()
            })
            .collect();
        for sample in 0..trajectory.samples() {
            let k = trajectory.position(frame, sample).unwrap();
            let term = |(pixel, value): (usize, &Complex64)| {
                value * Complex64::from_polar(1.0, -phase(k, pixel, height, width))
            };
            samples.push(mixed.iter().enumerate().map(term).sum());
        }
    }
    samples
}

fn direct_adjoint(
    trajectory: &Trajectory,
    basis: &Array2<f32>,
    samples: &ArrayD<Complex32>,
    [height, width]: [usize; 2],
) -> Vec<Complex64> {
    let planes = basis.ncols();
    let mut images = vec![Complex64::default(); planes * height * width];
    for frame in 0..trajectory.frames() {
        for sample in 0..trajectory.samples() {
            let k = trajectory.position(frame, sample).unwrap();
            let y = samples[[frame, sample]];
            let y = Complex64::new(y.re.into(), y.im.into());
            for pixel in 0..height * width {
                let value = y * Complex64::from_polar(1.0, phase(k, pixel, height, width));
                for plane in 0..planes {
                    images[plane * height * width + pixel] += value * f64::from(basis[[frame, plane]]);
                }
            }
        }
    }
    images
}

#[test]
fn both_ways_reach_the_accuracy() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for (height, width, planes) in SHAPES {
        let trajectory = random_trajectory(7, 60, &mut rng);
        let basis = Array2::from_shape_simple_fn((7, planes), || rng.random_range(-1.0f32..1.0));
        let images = complex_noise(&[planes, height, width], &mut rng);
        let samples = complex_noise(&[7, 60], &mut rng);
        let exact_samples = direct_forward(&trajectory, &basis, &images);
        let exact_images = direct_adjoint(&trajectory, &basis, &samples, [height, width]);
        for eps in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
            let nufft = Nufft::new(&trajectory, basis.view(), height, width, Accuracy::new(eps).unwrap()).unwrap();
            let mut out = nufft.samples().zeros();
            nufft.forward(images.view(), out.view_mut()).unwrap();
            let forward = relative_error(out.as_slice().unwrap(), &exact_samples);
            let mut out = nufft.images().zeros();
            nufft.adjoint(samples.view(), out.view_mut()).unwrap();
            let adjoint = relative_error(out.as_slice().unwrap(), &exact_images);
            println!("{height}x{width}x{planes} eps {eps:.0e}: forward {forward:.2e}, adjoint {adjoint:.2e}");
            assert!(forward < eps && adjoint < eps);
        }
    }
}

#[test]
fn the_edge_of_k_space_is_periodic() {
    let ends = ndarray::array![[[0.5, 0.1], [-0.5, 0.1], [0.2, 0.5], [0.2, -0.5], [0.5, -0.5], [-0.5, 0.5]]];
    let trajectory = Trajectory::new(ends).unwrap();
    // An even side makes the two ends of k-space the same for every pixel.
    let nufft = Nufft::plain(&trajectory, 12, 18, Accuracy::FINEST).unwrap();
    let image = complex_noise(&[1, 12, 18], &mut ChaCha8Rng::seed_from_u64(2));
    let mut out = nufft.samples().zeros();
    nufft.forward(image.view(), out.view_mut()).unwrap();
    for pair in out.as_slice().unwrap().chunks_exact(2) {
        assert_eq!(pair[0], pair[1]);
    }
}
