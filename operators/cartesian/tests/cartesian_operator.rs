//! The Cartesian operator against the direct sum, its adjoint and its normal map.

use std::f64::consts::TAU;

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions, CartesianSampling};
use diph_core::{CgSettings, ConjugateGradient, Error, ForwardOperator, FourierScale, ImageShape, OperatorNorm, Rng};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::{Complex32, Complex64};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

struct Acquisition {
    image: ImageShape,
    trajectory: Array3<f64>,
    basis: Array2<f32>,
    coil_maps: Option<ArrayD<Complex32>>,
    weights: Option<Array2<f32>>,
    normalisation: FourierScale,
}

impl Acquisition {
    /// Random positions on the grid, +-1/2 included, some of them several times.
    fn random(image: ImageShape, coefficients: usize, coils: Option<usize>, weighted: bool, seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        let (frames, samples, lengths) = (4, 3 + image.pixels() / 3, image.lengths());
        let trajectory = Array3::from_shape_fn((frames, samples, lengths.len()), |(_, _, axis)| {
            let half = (lengths[axis] / 2) as i64;
            rng.random_range(-half..=half) as f64 / lengths[axis] as f64
        });
        let basis = Array2::from_shape_simple_fn((frames, coefficients), || rng.random_range(-1.0..1.0));
        let weights = weighted.then(|| Array2::from_shape_simple_fn((frames, samples), || rng.random_range(0.0..2.0)));
        let coil_maps = coils.map(|coils| random_complex(&image.with_leading(coils), seed + 1));
        Self { image, trajectory, basis, coil_maps, weights, normalisation: FourierScale::Unitary }
    }

    fn operator(&self) -> Result<CartesianOperator, Error> {
        let arrays = CartesianArrays {
            trajectory: self.trajectory.view(),
            basis: self.basis.view(),
            coil_maps: self.coil_maps.as_ref().map(|maps| maps.view()),
            weights: self.weights.as_ref().map(|weights| weights.view()),
        };
        CartesianOperator::new(arrays, &CartesianOptions { image: self.image, normalisation: self.normalisation })
    }

    fn direct_sum(&self, x: &ArrayD<Complex32>) -> ArrayD<Complex32> {
        let coils = self.coil_maps.as_ref().map_or(1, |maps| maps.shape()[0]);
        let (frames, samples, _) = self.trajectory.dim();
        let sum = |c: usize, t: usize, s: usize| {
            let mut sum = Complex64::ZERO;
            for (index, value) in x.indexed_iter() {
                let pixel = &ndarray::Dimension::slice(&index)[1..];
                let turns: f64 = (pixel.iter().zip(self.image.lengths()).enumerate())
                    .map(|(axis, (r, len))| self.trajectory[(t, s, axis)] * (*r as f64 - (len / 2) as f64))
                    .sum();
                let map = self.coil_maps.as_ref().map_or(Complex32::ONE, |maps| maps[&[&[c], pixel].concat()[..]]);
                let seen = wide(*value) * wide(map) * f64::from(self.basis[(t, index[0])]);
                sum += seen * Complex64::from_polar(1.0, -TAU * turns);
            }
            let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[(t, s)])).sqrt();
            sum * weight * self.normalisation.factor(&self.image)
        };
        Array3::from_shape_fn((coils, frames, samples), |(c, t, s)| narrow(sum(c, t, s))).into_dyn()
    }
}

fn wide(z: Complex32) -> Complex64 {
    Complex64::new(f64::from(z.re), f64::from(z.im))
}

fn narrow(z: Complex64) -> Complex32 {
    Complex32::new(z.re as f32, z.im as f32)
}

fn random_complex(shape: &[usize], seed: u64) -> ArrayD<Complex32> {
    let mut rng = Rng::seed_from_u64(seed);
    ArrayD::from_shape_simple_fn(shape, || Complex32::new(rng.random_range(-1.0..1.0), rng.random_range(-1.0..1.0)))
}

fn inner_product(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> Complex64 {
    a.iter().zip(b).map(|(a, b)| wide(*a).conj() * wide(*b)).sum()
}

fn norm(a: &ArrayD<Complex32>) -> f64 {
    inner_product(a, a).re.sqrt()
}

fn relative_distance(a: &ArrayD<Complex32>, b: &ArrayD<Complex32>) -> f64 {
    norm(&(a - b)) / norm(b)
}

fn forward(operator: &CartesianOperator, x: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut y = operator.range().zeros();
    operator.forward(x.view(), y.view_mut()).unwrap();
    y
}

fn adjoint(operator: &CartesianOperator, y: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let mut x = operator.domain().zeros();
    operator.adjoint(y.view(), x.view_mut()).unwrap();
    x
}

fn images() -> impl Strategy<Value = ImageShape> {
    prop_oneof![
        (1_usize..14, 1_usize..14).prop_map(|(height, width)| ImageShape::plane(height, width)),
        (1_usize..6, 1_usize..7, 1_usize..6)
            .prop_map(|(depth, height, width)| ImageShape::volume(depth, height, width)),
    ]
}

/// `(N + rho I)^-1 b` with the dense matrix N that `normal` gives column by column, in double precision.
fn dense_solution(operator: &CartesianOperator, rho: f32, b: &ArrayD<Complex32>) -> ArrayD<Complex32> {
    let size = b.len();
    let columns = (0..size).map(|column| {
        let mut unit = operator.domain().zeros();
        unit.as_slice_mut().unwrap()[column] = Complex32::ONE;
        let mut normal = operator.domain().zeros();
        operator.normal(unit.view(), normal.view_mut()).unwrap();
        DVector::from_iterator(size, normal.iter().map(|value| wide(*value)))
    });
    let matrix = DMatrix::from_columns(&columns.collect::<Vec<_>>());
    let damped = matrix + DMatrix::identity(size, size) * Complex64::from(f64::from(rho));
    let solution = damped.lu().solve(&DVector::from_iterator(size, b.iter().map(|value| wide(*value)))).unwrap();
    ArrayD::from_shape_vec(b.raw_dim(), solution.iter().map(|value| narrow(*value)).collect()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn the_regularised_inverse_is_the_dense_solution(
        image in images(),
        coefficients in 1_usize..4,
        has_phase: bool,
        weighted: bool,
        log_rho in -4..2,
        seed in 0_u64..1000,
    ) {
        prop_assume!(image.pixels() < 80);
        let mut acquisition = Acquisition::random(image, coefficients, has_phase.then_some(1), weighted, seed);
        if let Some(map) = &mut acquisition.coil_maps {
            map.mapv_inplace(|value| value / value.norm());
        }
        let operator = acquisition.operator().unwrap();
        let (rho, b) = (10f32.powi(log_rho), random_complex(&operator.domain().shape(), seed + 4));
        let mut x = operator.domain().zeros();
        operator.regularised_inverse().unwrap().solve(rho, b.view(), x.view_mut()).unwrap();
        let error = relative_distance(&x, &dense_solution(&operator, rho, &b));
        // The smallest eigenvalue is rho, while single precision leaves 1e-7 of the largest one, which is up to ten.
        prop_assert!(error < 3e-6 / f64::from(rho).min(1.0) + 2e-6, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// Those of its preconditioner among them.
    #[test]
    fn it_obeys_the_laws_of_operators(
        image in images(), coefficients in 1_usize..4, coils in prop::option::of(1_usize..4), weighted: bool, seed in 0_u64..1000,
    ) {
        let operator = Acquisition::random(image, coefficients, coils, weighted, seed).operator().unwrap();
        let report = diph_test_kit::check_operator(&operator, seed);
        prop_assert!(report.passed(), "{report}");
    }
}

/// Smooth sensitivities of an undersampled volume, and of its middle plane.
#[test]
fn coils_leave_fewer_steps_with_the_preconditioner() {
    for image in [ImageShape::plane(24, 20), ImageShape::volume(6, 16, 14)] {
        let sampling = CartesianSampling::new(30, &image).unwrap();
        let trajectory = sampling.variable_density(sampling.lines() / 4, 2, 1).unwrap();
        let mut acquisition = Acquisition::random(image, 3, Some(4), false, 1);
        let basis = |(frame, k): (usize, usize)| (0.1 * (frame * k) as f32).cos() + 0.2 * k as f32;
        acquisition.basis = Array2::from_shape_fn((30, 3), basis);
        acquisition.trajectory = trajectory;
        acquisition.coil_maps = acquisition.coil_maps.map(|maps| {
            ArrayD::from_shape_fn(maps.raw_dim(), |index| {
                let coil = index[0] as f32;
                let [y, x] = [1, 2].map(|axis| index[axis] as f32 / maps.shape()[axis] as f32);
                Complex32::from_polar(0.4 + 0.3 * (coil + 2.0 * y).sin().abs(), coil + x)
            })
        });
        let operator = acquisition.operator().unwrap();
        let right_hand_side = adjoint(&operator, &random_complex(&operator.range().shape(), 3));
        let damping = (1e-3 * OperatorNorm::new(&operator).estimate().unwrap()) as f32;
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
        println!("{image}: {few} of {plain} steps");
        assert!(2 * few < plain, "{image}: {few} of {plain} steps");
    }
}

/// Without damping, too: a fully sampled image takes one step.
#[test]
fn what_is_diagonal_in_k_space_is_preconditioned_exactly() {
    let image = ImageShape::plane(9, 8);
    let mut acquisition = Acquisition::random(image, 2, None, false, 1);
    acquisition.trajectory = CartesianSampling::new(4, &image).unwrap().full();
    let operator = acquisition.operator().unwrap();
    let x = random_complex(&operator.domain().shape(), 2);
    let right_hand_side = adjoint(&operator, &forward(&operator, &x));
    let settings = CgSettings { relative_tolerance: 1e-4, preconditioned: Some(true), ..CgSettings::default() };
    let (operator, right_hand_side) = (&operator, &right_hand_side);
    let solver = ConjugateGradient { operator, damping: 0.0, right_hand_side, warm_start: None, settings };
    let outcome = solver.solve().unwrap();
    assert_eq!(outcome.iterations, 1);
    assert!(relative_distance(&outcome.state.solution, &x) < 1e-3);
}

#[test]
fn only_what_is_diagonal_in_k_space_has_a_regularised_inverse() {
    let image = ImageShape::volume(3, 4, 5);
    let offered = |acquisition: &Acquisition| acquisition.operator().unwrap().regularised_inverse().is_some();
    assert!(offered(&Acquisition::random(image, 2, None, true, 1)));
    assert!(!offered(&Acquisition::random(image, 2, Some(1), true, 1)), "sensitivity is not 1 everywhere");
    let mut two = Acquisition::random(image, 2, Some(2), false, 1);
    two.coil_maps = two.coil_maps.map(|maps| maps.mapv(|_| Complex32::ONE));
    assert!(!offered(&two));
    let operator = Acquisition::random(image, 2, None, true, 1).operator().unwrap();
    let (b, mut x) = (operator.domain().zeros(), operator.domain().zeros());
    for rho in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let solved = operator.regularised_inverse().unwrap().solve(rho, b.view(), x.view_mut());
        assert!(matches!(solved, Err(Error::Parameter { .. })), "{rho}");
    }
    let wrong = ArrayD::zeros(vec![2, 4, 5]);
    assert!(operator.regularised_inverse().unwrap().solve(1.0, wrong.view(), x.view_mut()).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn forward_is_the_direct_sum_and_adjoint_and_normal_fit(
        image in images(),
        coefficients in 1_usize..4,
        coils in prop::option::of(1_usize..4),
        weighted: bool,
        seed in 0_u64..1000,
    ) {
        let acquisition = Acquisition::random(image, coefficients, coils, weighted, seed);
        let operator = acquisition.operator().unwrap();
        let x = random_complex(&image.with_leading(coefficients), seed + 2);
        let y = random_complex(&operator.range().shape(), seed + 3);

        let forward_x = forward(&operator, &x);
        let error = relative_distance(&forward_x, &acquisition.direct_sum(&x));
        prop_assert!(error < 2e-6, "direct sum: {error}");

        let adjoint_y = adjoint(&operator, &y);
        let difference = (inner_product(&forward_x, &y) - inner_product(&x, &adjoint_y)).norm();
        let scale = norm(&forward_x) * norm(&y) + norm(&x) * norm(&adjoint_y);
        prop_assert!(difference < 1e-6 * scale, "adjointness: {}", difference / scale);

        let mut normal = operator.domain().zeros();
        operator.normal(x.view(), normal.view_mut()).unwrap();
        let error = relative_distance(&normal, &adjoint(&operator, &forward_x));
        prop_assert!(error < 2e-6, "normal: {error}");
    }
}

#[test]
fn full_unitary_sampling_keeps_the_norm_and_is_inverted_by_its_adjoint() {
    let plane = ImageShape::plane;
    for image in [plane(16, 16), plane(23, 31), plane(1, 8), ImageShape::volume(5, 6, 7)] {
        let mut acquisition = Acquisition::random(image, 1, None, false, 1);
        acquisition.trajectory = CartesianSampling::new(1, &image).unwrap().full();
        acquisition.basis = Array2::ones((1, 1));
        let x = random_complex(&image.with_leading(1), 2);
        let operator = acquisition.operator().unwrap();
        let y = forward(&operator, &x);
        assert!((norm(&y) / norm(&x) - 1.0).abs() < 1e-6, "{image:?}");
        assert!(relative_distance(&adjoint(&operator, &y), &x) < 1e-6, "{image:?}");
        acquisition.normalisation = FourierScale::TwiceOversampled;
        let halved = forward(&acquisition.operator().unwrap(), &x);
        let factor = if image.is_volume() { 8f32.sqrt() } else { 2.0 };
        assert!(relative_distance(&(halved * Complex32::from(factor)), &y) < 1e-6, "{image:?}");
    }
}

#[test]
fn data_weights_are_the_roots_for_every_coil() {
    let acquisition = Acquisition::random(ImageShape::plane(6, 5), 2, Some(3), true, 4);
    let roots = acquisition.operator().unwrap().data_weights().unwrap().unwrap();
    let weights = acquisition.weights.as_ref().unwrap();
    assert_eq!(roots.shape(), [3, weights.nrows(), weights.ncols()]);
    for coil in roots.outer_iter() {
        assert_eq!(coil, weights.map(|w| w.sqrt()).into_dyn());
    }
    let unweighted = Acquisition { weights: None, ..acquisition };
    assert_eq!(unweighted.operator().unwrap().data_weights().unwrap(), None);
}

#[test]
fn position_off_the_grid_names_frame_and_sample() {
    for bad in [0.1 + 1e-4, 0.6, f64::NAN, f64::INFINITY] {
        let mut acquisition = Acquisition::random(ImageShape::plane(10, 10), 1, None, false, 5);
        acquisition.trajectory[(2, 7, 1)] = bad;
        let message = acquisition.operator().err().expect("off the grid").to_string();
        assert!(message.contains("trajectory[frame 2, sample 7]") && message.contains("1/10"), "{message}");
    }
}

#[test]
fn arrays_that_do_not_fit_are_typed_errors() {
    let good = || Acquisition::random(ImageShape::plane(6, 5), 2, Some(2), true, 6);
    let shape = |acquisition: Acquisition, role: &str| match acquisition.operator() {
        Err(Error::Shape { role: got, .. }) => assert_eq!(got, role),
        other => panic!("{role}: {:?}", other.err()),
    };
    shape(Acquisition { basis: Array2::ones((3, 2)), ..good() }, "basis");
    shape(Acquisition { coil_maps: Some(ArrayD::zeros(vec![2, 6, 6])), ..good() }, "coil maps");
    shape(Acquisition { weights: Some(Array2::ones((4, 2))), ..good() }, "weights");
    shape(Acquisition { trajectory: Array3::zeros((4, 13, 3)), ..good() }, "trajectory");

    let parameter = |acquisition: Acquisition| assert!(matches!(acquisition.operator(), Err(Error::Parameter { .. })));
    parameter(Acquisition { trajectory: Array3::zeros((4, 0, 2)), ..good() });
    parameter(Acquisition { trajectory: Array3::zeros((0, 4, 2)), ..good() });
    parameter(Acquisition { basis: Array2::ones((4, 0)), ..good() });
    parameter(Acquisition { image: ImageShape::plane(0, 5), ..good() });
    parameter(Acquisition { coil_maps: Some(ArrayD::zeros(vec![0, 6, 5])), ..good() });
    parameter(Acquisition { weights: good().weights.map(|w| -w), ..good() });

    let not_finite = |acquisition: Acquisition| assert!(matches!(acquisition.operator(), Err(Error::NotFinite { .. })));
    not_finite(Acquisition { weights: good().weights.map(|w| w * f32::NAN), ..good() });
    not_finite(Acquisition { basis: Array2::from_elem((4, 2), f32::INFINITY), ..good() });
    not_finite(Acquisition { coil_maps: good().coil_maps.map(|maps| maps * Complex32::from(f32::NAN)), ..good() });
}

#[test]
fn views_that_do_not_fit_are_typed_errors() {
    let operator = Acquisition::random(ImageShape::plane(6, 5), 2, None, false, 7).operator().unwrap();
    let (mut image, mut samples) = (operator.domain().zeros(), operator.range().zeros());
    let wrong = random_complex(&[2, 5, 6], 8);
    let error = operator.forward(wrong.view(), samples.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "cartesian: forward: expected image [2, 6, 5], got [2, 5, 6]");
    assert!(matches!(operator.adjoint(wrong.view(), image.view_mut()), Err(Error::Shape { .. })));
    assert!(matches!(operator.normal(wrong.view(), image.view_mut()), Err(Error::Shape { .. })));
}
