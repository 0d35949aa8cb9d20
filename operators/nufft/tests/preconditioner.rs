//! The preconditioner of the normal operator: its formula, its laws, and what it refuses.

mod common;

use std::f64::consts::TAU;

use common::{complex_noise, random_trajectory};
use diph_coils::birdcage;
use diph_core::{CgSettings, ConjugateGradient, Error, ForwardOperator, OperatorNorm};
use diph_nufft::{Accuracy, MrfOperator, MrfOptions, SpiralOptions, Trajectory};
use ndarray::{Array2, Array3, ArrayD, Axis, s};
use num_complex::{Complex32, Complex64};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Total degree below which the preconditioner takes polynomials for smooth.
const DEGREES: usize = 13;

fn wide(value: &Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}

fn dot(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| wide(a).conj() * wide(b)).sum()
}

fn norm(a: &ArrayD<Complex32>) -> f64 {
    dot(a, a).re.sqrt()
}

fn distance(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> f64 {
    norm(&(a - b))
}

fn normal(operator: &MrfOperator, x: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut out = operator.domain().zeros();
    operator.normal(x.view(), out.view_mut()).unwrap();
    out
}

fn precondition(operator: &MrfOperator, rho: f32, r: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut z = operator.domain().zeros();
    operator.preconditioner().unwrap().apply(rho, r.view(), z.view_mut()).unwrap();
    z
}

fn symbol(operator: &MrfOperator) -> ArrayD<f32> {
    operator.preconditioner().unwrap().symbol().unwrap().unwrap()
}

fn options(trajectory: Trajectory, planes: usize, size: [usize; 2], rng: &mut ChaCha8Rng) -> MrfOptions {
    let basis = Array2::from_shape_simple_fn((trajectory.frames(), planes), || rng.random_range(-1.0f32..1.0));
    MrfOptions::new(trajectory, basis, size[0], size[1])
}

/// The polynomials of y and x of a low total degree, orthonormal, one after the other.
fn smooth_images([height, width]: [usize; 2]) -> Vec<Vec<f64>> {
    let mut space: Vec<Vec<f64>> = Vec::new();
    let at = |index: usize, n: usize| (2.0 * index as f64 + 1.0) / n as f64 - 1.0;
    for (a, b) in (0..DEGREES).flat_map(|degree| (0..=degree).map(move |a| (a, degree - a))) {
        let pixel = |index: usize| at(index / width, height).powi(a as i32) * at(index % width, width).powi(b as i32);
        let mut image: Vec<f64> = (0..height * width).map(pixel).collect();
        for known in space.iter().chain(&space) {
            let share: f64 = known.iter().zip(&image).map(|(a, b)| a * b).sum();
            image.iter_mut().zip(known).for_each(|(value, known)| *value -= share * known);
        }
        let norm = image.iter().map(|value| value * value).sum::<f64>().sqrt();
        space.push(image.iter().map(|value| value / norm).collect());
    }
    space
}

/// The part of images (coefficient, y, x) that lies in a space.
fn projected(space: &[Vec<f64>], images: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut out = ArrayD::zeros(images.raw_dim());
    for (image, mut out) in images.outer_iter().zip(out.outer_iter_mut()) {
        for basis in space {
            let share: Complex64 = image.iter().zip(basis).map(|(value, basis)| wide(value) * basis).sum();
            let share = Complex32::new(share.re as f32, share.im as f32);
            out.iter_mut().zip(basis).for_each(|(value, basis)| *value += share * *basis as f32);
        }
    }
    out
}

/// The discrete Fourier transform over y and x by its definition, with the sign of the exponent.
fn fourier(image: &ArrayD<Complex32>, sign: f64) -> ArrayD<Complex64> {
    let mut out = image.mapv(|value| wide(&value));
    for axis in 1..out.ndim() {
        let length = out.len_of(Axis(axis));
        for mut lane in out.lanes_mut(Axis(axis)) {
            let values = lane.to_vec();
            for (k, out) in lane.iter_mut().enumerate() {
                let turn = |n: usize| Complex64::cis(sign * TAU * ((k * n) % length) as f64 / length as f64);
                *out = values.iter().enumerate().map(|(n, value)| value * turn(n)).sum();
            }
        }
    }
    out
}

/// `M = P (P (N + rho I) P)^-1 P + (I - P) (C + rho I)^-1 (I - P)`, against its parts one by one.
#[test]
fn smooth_images_are_solved_exactly_and_the_rest_by_the_symbol() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // Lengths of fast Fourier transforms, which are periods of the circulant matrix as they are.
    let size = [20, 16];
    let spiral = SpiralOptions { samples: 200, turns: 8.0, ..SpiralOptions::default() };
    let mut options = options(Trajectory::spiral(7, &spiral).unwrap(), 2, size, &mut rng);
    options.accuracy = Accuracy::FINEST;
    let operator = MrfOperator::new(options).unwrap();
    let (space, symbol) = (smooth_images(size), symbol(&operator));
    let r = complex_noise(&operator.domain().shape(), &mut rng);
    let mean = [0, 1].map(|k| symbol.slice(s![k, k, .., ..]).mean().unwrap()).iter().sum::<f32>() / 2.0;
    for (rho, shift) in [(2.0 * mean, 2.0 * mean), (0.01 * mean, 0.5 * mean)] {
        let z = precondition(&operator, rho, &r);
        let smooth = projected(&space, &z);
        let back = projected(&space, &(normal(&operator, &smooth) + &smooth * Complex32::from(rho)));
        let expected = projected(&space, &r);
        assert!(distance(&back, &expected) < 1e-4 * norm(&expected), "rho {rho}: smooth images");

        let rest = fourier(&(&r - &expected), -1.0);
        let mut solved = ArrayD::<Complex64>::zeros(rest.raw_dim());
        for y in 0..size[0] {
            for x in 0..size[1] {
                let entry = |k: usize, l: usize| f64::from(symbol[[k, l, y, x]]);
                let (a, b, d) = (entry(0, 0) + f64::from(shift), entry(0, 1), entry(1, 1) + f64::from(shift));
                let (first, second) = (rest[[0, y, x]], rest[[1, y, x]]);
                let determinant = a * d - b * b;
                solved[[0, y, x]] = (first * d - second * b) / determinant;
                solved[[1, y, x]] = (second * a - first * b) / determinant;
            }
        }
        let n = (size[0] * size[1]) as f64;
        let solved = fourier(&solved.mapv(|value| Complex32::new(value.re as f32, value.im as f32)), 1.0);
        let solved = solved.mapv(|value| Complex32::new((value.re / n) as f32, (value.im / n) as f32));
        let expected = &solved - &projected(&space, &solved);
        assert!(distance(&(&z - &smooth), &expected) < 1e-4 * norm(&expected), "rho {rho}: the rest");
    }
}

/// Samples on every point of the grid, all frames alike: the normal operator is circulant, and its preconditioner the inverse.
#[test]
fn the_preconditioner_of_a_circulant_normal_operator_is_its_inverse() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (height, width) = (12, 15);
    let position = |index: usize, n: usize| (index as f64 - (n / 2) as f64) / n as f64;
    let points = Array3::from_shape_fn((3, height * width, 2), |(_, sample, axis)| match axis {
        0 => position(sample / width, height),
        _ => position(sample % width, width),
    });
    let trajectory = Trajectory::new(points).unwrap();
    let mut options = options(trajectory, 2, [height, width], &mut rng);
    options.accuracy = Accuracy::new(1e-6).unwrap();
    let operator = MrfOperator::new(options).unwrap();
    let x = complex_noise(&operator.domain().shape(), &mut rng);
    let largest = symbol(&operator).iter().fold(0.0f32, |largest, value| largest.max(*value));
    // Lesser values of rho are raised to half of the mean eigenvalue.
    for rho in [largest, 5.0 * largest] {
        let damped = normal(&operator, &x) + x.mapv(|value| value * rho);
        let error = distance(&precondition(&operator, rho, &damped), &x) / norm(&x);
        assert!(error < 1e-4, "rho {rho}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Hermitian and positive definite for every acquisition, or conjugate gradients would break down; and its symbol is the
    /// diagonal of the normal operator in Fourier space.
    #[test]
    fn it_is_hermitian_and_positive_and_has_the_nearest_circulant_symbol(
        seed: u64, coils in 0usize..3, weighted: bool, rho in prop_oneof![Just(0.0f32), 1e-4f32..10.0],
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = [rng.random_range(1usize..20), rng.random_range(1usize..20)];
        let trajectory = random_trajectory(4, 40, &mut rng);
        let mut options = options(trajectory, 3, size, &mut rng);
        if weighted {
            options.weights = Some(Array2::from_shape_simple_fn((4, 40), || rng.random_range(0.0f32..2.0)));
        }
        if coils > 0 {
            let maps = complex_noise(&[coils, size[0], size[1]], &mut rng);
            options.coil_maps = Some(maps.into_dimensionality().unwrap());
        }
        let operator = MrfOperator::new(options).unwrap();
        let [a, b] = [0, 1].map(|_| complex_noise(&operator.domain().shape(), &mut rng));
        let (ma, mb) = (precondition(&operator, rho, &a), precondition(&operator, rho, &b));
        let difference = (dot(&ma, &b) - dot(&a, &mb)).norm();
        prop_assert!(difference <= 1e-4 * norm(&ma) * norm(&b), "{difference}");
        prop_assert!(dot(&a, &ma).re > 0.0);

        let symbol = symbol(&operator);
        prop_assert_eq!(symbol.shape(), &[3, 3, size[0], size[1]]);
        let (y, x) = (rng.random_range(0..size[0]), rng.random_range(0..size[1]));
        let root = ((size[0] * size[1]) as f32).sqrt();
        for l in 0..3 {
            let mut harmonic = operator.domain().zeros();
            for ((row, column), value) in harmonic.slice_mut(s![l, .., ..]).indexed_iter_mut() {
                let turns = (y * row) as f32 / size[0] as f32 + (x * column) as f32 / size[1] as f32;
                *value = Complex32::from_polar(1.0 / root, TAU as f32 * turns);
            }
            let seen = normal(&operator, &harmonic);
            for k in 0..3 {
                let entry: Complex64 = harmonic.index_axis(Axis(0), l).iter().zip(&seen.index_axis(Axis(0), k)).map(|(f, n)| wide(f).conj() * wide(n)).sum();
                let found = f64::from(symbol[[k, l, y, x]]);
                prop_assert!((entry - found).norm() < 1e-3 * norm(&seen), "{entry} {found} at {k} {l} {y} {x}");
            }
        }
    }
}

/// Spirals as they are measured, with one coil and with several.
#[test]
fn fewer_than_half_of_the_steps_are_left() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let size = [64, 60];
    let spiral = SpiralOptions { samples: 300, turns: 16.0, ..SpiralOptions::default() };
    for coils in [0, 6] {
        let mut options = options(Trajectory::spiral(40, &spiral).unwrap(), 3, size, &mut rng);
        options.coil_maps = (coils > 0).then(|| birdcage(coils, size[0], size[1]).unwrap());
        let operator = MrfOperator::new(options).unwrap();
        let damping = (1e-3 * OperatorNorm::new(&operator).estimate().unwrap()) as f32;
        let right_hand_side = normal(&operator, &complex_noise(&operator.domain().shape(), &mut rng));
        let steps = |preconditioned| {
            let settings = CgSettings {
                max_iterations: 200,
                relative_tolerance: 1e-3,
                absolute_tolerance: 0.0,
                preconditioned: Some(preconditioned),
            };
            let (operator, right_hand_side) = (&operator, &right_hand_side);
            let solver = ConjugateGradient { operator, damping, right_hand_side, warm_start: None, settings };
            solver.solve().unwrap().iterations
        };
        let (plain, few) = (steps(false), steps(true));
        println!("{coils} coils: {few} of {plain} steps");
        assert!(2 * few < plain, "{coils} coils: {few} of {plain} steps");
    }
}

#[test]
fn a_negative_rho_is_refused() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let operator = MrfOperator::new(options(random_trajectory(2, 10, &mut rng), 2, [8, 8], &mut rng)).unwrap();
    let zeros = operator.domain().zeros();
    let mut z = operator.domain().zeros();
    let error = operator.preconditioner().unwrap().apply(-1.0, zeros.view(), z.view_mut()).unwrap_err();
    assert!(matches!(error, Error::Parameter { .. }), "{error}");
}
