//! The Cartesian operator against the direct sum, its adjoint and its normal map.

use std::f64::consts::TAU;

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions, CartesianSampling};
use diph_core::{Error, ForwardOperator, FourierScale, ImageShape, Rng};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::{Complex32, Complex64};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};

struct Acquisition {
    image: [usize; 2],
    trajectory: Array3<f64>,
    basis: Array2<f32>,
    coil_maps: Option<Array3<Complex32>>,
    weights: Option<Array2<f32>>,
    normalisation: FourierScale,
}

impl Acquisition {
    /// Random positions on the grid, +-1/2 included, some of them several times.
    fn random(image: [usize; 2], coefficients: usize, coils: Option<usize>, weighted: bool, seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        let (frames, samples) = (4, 3 + image[0] * image[1] / 3);
        let trajectory = Array3::from_shape_fn((frames, samples, 2), |(_, _, axis)| {
            let half = (image[axis] / 2) as i64;
            rng.random_range(-half..=half) as f64 / image[axis] as f64
        });
        let basis = Array2::from_shape_simple_fn((frames, coefficients), || rng.random_range(-1.0..1.0));
        let weights = weighted.then(|| Array2::from_shape_simple_fn((frames, samples), || rng.random_range(0.0..2.0)));
        let coil_maps = coils.map(|coils| random_complex(&[coils, image[0], image[1]], seed + 1));
        Self {
            image,
            trajectory,
            basis,
            coil_maps: coil_maps.map(|maps| maps.into_dimensionality().unwrap()),
            weights,
            normalisation: FourierScale::Unitary,
        }
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
        let [height, width] = self.image;
        let coils = self.coil_maps.as_ref().map_or(1, |maps| maps.dim().0);
        let (frames, samples, _) = self.trajectory.dim();
        let sum = |c: usize, t: usize, s: usize| {
            let mut sum = Complex64::ZERO;
            for ((k, y, x), value) in x.view().into_dimensionality::<ndarray::Ix3>().unwrap().indexed_iter() {
                let position = [y as f64 - (height / 2) as f64, x as f64 - (width / 2) as f64];
                let turns = self.trajectory[(t, s, 0)] * position[0] + self.trajectory[(t, s, 1)] * position[1];
                let map = self.coil_maps.as_ref().map_or(Complex32::ONE, |maps| maps[(c, y, x)]);
                let seen = wide(*value) * wide(map) * f64::from(self.basis[(t, k)]);
                sum += seen * Complex64::from_polar(1.0, -TAU * turns);
            }
            let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[(t, s)])).sqrt();
            sum * weight * self.normalisation.factor(&ImageShape::plane(height, width))
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn forward_is_the_direct_sum_and_adjoint_and_normal_fit(
        height in 1_usize..14,
        width in 1_usize..14,
        coefficients in 1_usize..4,
        coils in prop::option::of(1_usize..4),
        weighted: bool,
        seed in 0_u64..1000,
    ) {
        let acquisition = Acquisition::random([height, width], coefficients, coils, weighted, seed);
        let operator = acquisition.operator().unwrap();
        let x = random_complex(&[coefficients, height, width], seed + 2);
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
    for image in [[16, 16], [23, 31], [1, 8]] {
        let mut acquisition = Acquisition::random(image, 1, None, false, 1);
        acquisition.trajectory = CartesianSampling::new(1, image).unwrap().full();
        acquisition.basis = Array2::ones((1, 1));
        let x = random_complex(&[1, image[0], image[1]], 2);
        let operator = acquisition.operator().unwrap();
        let y = forward(&operator, &x);
        assert!((norm(&y) / norm(&x) - 1.0).abs() < 1e-6, "{image:?}");
        assert!(relative_distance(&adjoint(&operator, &y), &x) < 1e-6, "{image:?}");
        acquisition.normalisation = FourierScale::TwiceOversampled;
        let halved = forward(&acquisition.operator().unwrap(), &x);
        assert!(relative_distance(&(halved * Complex32::from(2.0)), &y) < 1e-6, "{image:?}");
    }
}

#[test]
fn data_weights_are_the_roots_for_every_coil() {
    let acquisition = Acquisition::random([6, 5], 2, Some(3), true, 4);
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
        let mut acquisition = Acquisition::random([10, 10], 1, None, false, 5);
        acquisition.trajectory[(2, 7, 1)] = bad;
        let message = acquisition.operator().err().expect("off the grid").to_string();
        assert!(message.contains("trajectory[frame 2, sample 7]") && message.contains("1/10"), "{message}");
    }
}

#[test]
fn arrays_that_do_not_fit_are_typed_errors() {
    let good = || Acquisition::random([6, 5], 2, Some(2), true, 6);
    let shape = |acquisition: Acquisition, role: &str| match acquisition.operator() {
        Err(Error::Shape { role: got, .. }) => assert_eq!(got, role),
        other => panic!("{role}: {:?}", other.err()),
    };
    shape(Acquisition { basis: Array2::ones((3, 2)), ..good() }, "basis");
    shape(Acquisition { coil_maps: Some(Array3::zeros((2, 6, 6))), ..good() }, "coil maps");
    shape(Acquisition { weights: Some(Array2::ones((4, 2))), ..good() }, "weights");
    shape(Acquisition { trajectory: Array3::zeros((4, 13, 3)), ..good() }, "trajectory");

    let parameter = |acquisition: Acquisition| assert!(matches!(acquisition.operator(), Err(Error::Parameter { .. })));
    parameter(Acquisition { trajectory: Array3::zeros((4, 0, 2)), ..good() });
    parameter(Acquisition { trajectory: Array3::zeros((0, 4, 2)), ..good() });
    parameter(Acquisition { basis: Array2::ones((4, 0)), ..good() });
    parameter(Acquisition { image: [0, 5], ..good() });
    parameter(Acquisition { coil_maps: Some(Array3::zeros((0, 6, 5))), ..good() });
    parameter(Acquisition { weights: good().weights.map(|w| -w), ..good() });

    let not_finite = |acquisition: Acquisition| assert!(matches!(acquisition.operator(), Err(Error::NotFinite { .. })));
    not_finite(Acquisition { weights: good().weights.map(|w| w * f32::NAN), ..good() });
    not_finite(Acquisition { basis: Array2::from_elem((4, 2), f32::INFINITY), ..good() });
    not_finite(Acquisition { coil_maps: good().coil_maps.map(|maps| maps * Complex32::from(f32::NAN)), ..good() });
}

#[test]
fn views_that_do_not_fit_are_typed_errors() {
    let operator = Acquisition::random([6, 5], 2, None, false, 7).operator().unwrap();
    let (mut image, mut samples) = (operator.domain().zeros(), operator.range().zeros());
    let wrong = random_complex(&[2, 5, 6], 8);
    let error = operator.forward(wrong.view(), samples.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "cartesian: forward: expected image [2, 6, 5], got [2, 5, 6]");
    assert!(matches!(operator.adjoint(wrong.view(), image.view_mut()), Err(Error::Shape { .. })));
    assert!(matches!(operator.normal(wrong.view(), image.view_mut()), Err(Error::Shape { .. })));
}

#[test]
fn options_refuse_unknown_keys() {
    let options: CartesianOptions = serde_json::from_str(r#"{"image": [6, 5]}"#).unwrap();
    assert_eq!(options, CartesianOptions { image: [6, 5], normalisation: FourierScale::Unitary });
    let other = r#"{"image": [6, 5], "normalisation": "twice_oversampled"}"#;
    let options: CartesianOptions = serde_json::from_str(other).unwrap();
    assert_eq!(options.normalisation, FourierScale::TwiceOversampled);
    assert!(serde_json::from_str::<CartesianOptions>(r#"{"image": [6, 5], "normalization": "unitary"}"#).is_err());
}
