//! Laws of the MRF operator: exact adjoint, linearity, normal = adjoint of forward, determinism, typed errors.

mod common;

use common::{complex_noise, random_trajectory};
use diph_core::{Error, ForwardOperator, FourierScale};
use diph_nufft::{Accuracy, MrfOperator, MrfOptions, SpiralOptions, Trajectory};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::{Complex32, Complex64};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn wide(value: &Complex32) -> Complex64 {
    Complex64::new(value.re.into(), value.im.into())
}

fn dot(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| wide(a).conj() * wide(b)).sum()
}

fn norm(a: &ArrayD<Complex32>) -> f64 {
    dot(a, a).re.sqrt()
}

fn forward(operator: &MrfOperator, x: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut y = operator.range().zeros();
    operator.forward(x.view(), y.view_mut()).unwrap();
    y
}

fn adjoint(operator: &MrfOperator, y: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut x = operator.domain().zeros();
    operator.adjoint(y.view(), x.view_mut()).unwrap();
    x
}

fn normal(operator: &MrfOperator, x: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut out = operator.domain().zeros();
    operator.normal(x.view(), out.view_mut()).unwrap();
    out
}

/// `|<Ax, y> - <x, A^H y>| / (|Ax| |y| + |x| |A^H y|)`.
fn adjointness(operator: &MrfOperator, rng: &mut ChaCha8Rng) -> f64 {
    let x = complex_noise(&operator.domain().shape(), rng);
    let y = complex_noise(&operator.range().shape(), rng);
    let (ax, aty) = (forward(operator, &x), adjoint(operator, &y));
    (dot(&ax, &y) - dot(&x, &aty)).norm() / (norm(&ax) * norm(&y) + norm(&x) * norm(&aty))
}

fn options(trajectory: Trajectory, planes: usize, size: [usize; 2], rng: &mut ChaCha8Rng) -> MrfOptions {
    let basis = Array2::from_shape_simple_fn((trajectory.frames(), planes), || rng.random_range(-1.0f32..1.0));
    MrfOptions::new(trajectory, basis, size[0], size[1])
}

fn random_maps(coils: usize, size: [usize; 2], rng: &mut ChaCha8Rng) -> Array3<Complex32> {
    complex_noise(&[coils, size[0], size[1]], rng).into_dimensionality().unwrap()
}

fn random_weights(frames: usize, samples: usize, rng: &mut ChaCha8Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn((frames, samples), || rng.random_range(0.0f32..2.0))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn forward_and_adjoint_are_a_pair(
        seed: u64, height in 1usize..40, width in 1usize..40, planes in 1usize..12, coils in 0usize..3,
        frames in 1usize..6, samples in 1usize..50, exponent in 2i32..=6, weighted: bool,
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let trajectory = random_trajectory(frames, samples, &mut rng);
        let mut options = options(trajectory, planes, [height, width], &mut rng);
        options.accuracy = Accuracy::new(10f64.powi(-exponent)).unwrap();
        options.coil_maps = (coils > 0).then(|| random_maps(coils, [height, width], &mut rng));
        options.weights = weighted.then(|| random_weights(frames, samples, &mut rng));
        let operator = MrfOperator::new(options).unwrap();
        let error = adjointness(&operator, &mut rng);
        prop_assert!(error < 1e-6, "{error}");
    }

    #[test]
    fn forward_is_linear(seed: u64, height in 1usize..30, width in 1usize..30, planes in 1usize..6) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let trajectory = random_trajectory(3, 40, &mut rng);
        let operator = MrfOperator::new(options(trajectory, planes, [height, width], &mut rng)).unwrap();
        let (a, b) = (complex_noise(&operator.domain().shape(), &mut rng), complex_noise(&operator.domain().shape(), &mut rng));
        let factor = Complex32::new(0.3, -1.2);
        let apart = forward(&operator, &a).mapv(|value| value * factor) + forward(&operator, &b);
        let together = forward(&operator, &(a.mapv(|value| value * factor) + &b));
        prop_assert!(norm(&(&apart - &together)) < 5e-6 * norm(&apart));
    }
}

#[test]
fn normal_is_adjoint_of_forward() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for (size, planes, coils, weighted) in [
        ([24, 24], 5, 0, true),
        ([17, 23], 3, 2, true),
        ([32, 15], 1, 3, false),
        ([1, 19], 2, 0, true),
        ([20, 22], 7, 1, false),
    ] {
        let spiral = SpiralOptions { samples: 150, turns: 4.0, ..SpiralOptions::default() };
        for trajectory in [Trajectory::spiral(9, &spiral).unwrap(), random_trajectory(9, 60, &mut rng)] {
            for eps in [1e-2, 1e-3, 1e-4, 1e-5, 1e-6] {
                let mut options = options(trajectory.clone(), planes, size, &mut rng);
                options.accuracy = Accuracy::new(eps).unwrap();
                options.weights = weighted.then(|| random_weights(9, trajectory.samples(), &mut rng));
                options.coil_maps = (coils > 0).then(|| random_maps(coils, size, &mut rng));
                let operator = MrfOperator::new(options).unwrap();
                let x = complex_noise(&operator.domain().shape(), &mut rng);
                let expected = adjoint(&operator, &forward(&operator, &x));
                let error = norm(&(normal(&operator, &x) - &expected)) / norm(&expected);
                println!("{size:?} K {planes} coils {coils} eps {eps:.0e}: {error:.2e}");
                assert!(error < eps, "{error} at {eps}");
            }
        }
    }
}

#[test]
fn weights_enter_as_square_roots() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let trajectory = random_trajectory(4, 30, &mut rng);
    let plain = options(trajectory, 2, [12, 13], &mut rng);
    let weights = random_weights(1, 30, &mut rng);
    let weighted = MrfOperator::new(MrfOptions { weights: Some(weights.clone()), ..plain.clone() }).unwrap();
    let plain = MrfOperator::new(plain).unwrap();
    let roots = weighted.data_weights().unwrap().unwrap();
    assert_eq!(roots.shape(), [1, 4, 30]);
    assert_eq!(roots[[0, 3, 7]], weights[[0, 7]].sqrt());
    assert!(plain.data_weights().unwrap().is_none());
    let x = complex_noise(&plain.domain().shape(), &mut rng);
    let expected = forward(&plain, &x) * roots.mapv(Complex32::from);
    assert_eq!(forward(&weighted, &x), expected);
}

#[test]
fn full_cartesian_sampling_is_unitary() {
    let n = 12;
    let position = |(y, x, c): (usize, usize, usize)| ([y, x][c] as f64 - 6.0) / n as f64;
    let trajectory = Trajectory::new(Array3::from_shape_fn((n, n, 2), position)).unwrap();
    let mut options = MrfOptions::new(trajectory, Array2::ones((n, 1)), n, n);
    options.accuracy = Accuracy::FINEST;
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for (normalisation, square) in [(FourierScale::Unitary, 1.0), (FourierScale::TwiceOversampled, 0.25)] {
        let operator = MrfOperator::new(MrfOptions { normalisation, ..options.clone() }).unwrap();
        let x = complex_noise(&operator.domain().shape(), &mut rng);
        let expected = x.mapv(|value| value * square);
        assert!(norm(&(normal(&operator, &x) - &expected)) < 1e-5 * norm(&expected));
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let trajectory = random_trajectory(10, 400, &mut rng);
    let operator = MrfOperator::new(options(trajectory, 5, [40, 44], &mut rng)).unwrap();
    let x = complex_noise(&operator.domain().shape(), &mut rng);
    let y = complex_noise(&operator.range().shape(), &mut rng);
    let all = || (forward(&operator, &x), adjoint(&operator, &y), normal(&operator, &x));
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let one = pool(1).install(all);
    for threads in [2, 3, 7] {
        assert!(pool(threads).install(all) == one, "{threads} threads");
    }
}

#[test]
fn bad_input_gives_typed_errors() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let trajectory = random_trajectory(4, 30, &mut rng);
    let good = options(trajectory, 2, [12, 13], &mut rng);
    let refused = |change: &dyn Fn(&mut MrfOptions)| {
        let mut options = good.clone();
        change(&mut options);
        MrfOperator::new(options).err().unwrap()
    };
    assert!(matches!(refused(&|o| o.height = 0), Error::Parameter { .. }));
    assert!(matches!(refused(&|o| o.width = 20_000), Error::Parameter { .. }));
    assert!(matches!(refused(&|o| o.basis = Array2::ones((5, 2))), Error::Shape { .. }));
    assert!(matches!(refused(&|o| o.basis = Array2::ones((4, 0))), Error::Shape { .. }));
    assert!(matches!(refused(&|o| o.basis[[0, 0]] = f32::NAN), Error::NotFinite { .. }));
    assert!(matches!(refused(&|o| o.weights = Some(Array2::ones((4, 29)))), Error::Shape { .. }));
    assert!(matches!(refused(&|o| o.weights = Some(Array2::from_elem((1, 30), -1.0))), Error::Parameter { .. }));
    assert!(matches!(refused(&|o| o.weights = Some(Array2::from_elem((1, 30), f32::NAN))), Error::NotFinite { .. }));
    assert!(matches!(refused(&|o| o.coil_maps = Some(Array3::zeros((2, 13, 12)))), Error::Shape { .. }));
    assert!(matches!(refused(&|o| o.coil_maps = Some(Array3::zeros((0, 12, 13)))), Error::Shape { .. }));
    for eps in [0.0, -1e-3, 1e-8, 0.1, f64::NAN] {
        assert!(Accuracy::new(eps).is_err());
    }

    let operator = MrfOperator::new(good).unwrap();
    let message = operator.forward(ArrayD::zeros(vec![2, 12, 12]).view(), operator.range().zeros().view_mut());
    assert_eq!(message.unwrap_err().to_string(), "mrf-nufft: forward: expected image [2, 12, 13], got [2, 12, 12]");
    let turned = ArrayD::zeros(vec![13, 12, 2]).permuted_axes(vec![2, 1, 0]);
    let error = operator.normal(turned.view(), operator.domain().zeros().view_mut()).unwrap_err();
    assert!(matches!(error, Error::NotContiguous { .. }));
}
