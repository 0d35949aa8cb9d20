//! A volume goes through operator, prior and projector of shared libraries as through those that are linked.

use diph_cartesian::{CartesianArrays, CartesianOperator, CartesianOptions, CartesianSampling};
use diph_core::{
    Conditions, Error, ForwardOperator, FourierScale, ImageShape, ParameterMaps, Prior, PriorContext, Rng,
};
use diph_plugin_host::{Acquisition, Facts, HostServices, Origin, Registry};
use diph_sparse::{TotalVariation, TotalVariationOptions};
use ndarray::{Array1, Array2, Array3, ArrayD, IxDyn};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::fixtures;

const IMAGE: [usize; 3] = [4, 6, 5];
const FRAMES: usize = 7;
const COEFFICIENTS: usize = 3;
const ATOMS: usize = 40;
const VARIATION: &str = r#"{"iterations": 30}"#;

/// The arrays of a Cartesian acquisition of a volume with two coils, and a dictionary of random atoms.
struct Arrays {
    image: ImageShape,
    trajectory: Array3<f64>,
    basis: Array2<f32>,
    coil_maps: ArrayD<Complex32>,
    atoms: Array2<f32>,
    norms: Array1<f32>,
    lut: Array2<f32>,
}

impl Arrays {
    fn new() -> Self {
        let image = ImageShape::volume(IMAGE[0], IMAGE[1], IMAGE[2]);
        let mut rng = Rng::seed_from_u64(1);
        let mut real = |shape: (usize, usize)| Array2::from_shape_simple_fn(shape, || rng.random_range(0.1f32..1.0));
        Self {
            image,
            trajectory: CartesianSampling::new(FRAMES, &image).unwrap().variable_density(9, 2, 5).unwrap(),
            basis: real((FRAMES, COEFFICIENTS)),
            coil_maps: random_complex(&image.with_leading(2), 2),
            atoms: real((ATOMS, COEFFICIENTS)),
            norms: Array1::ones(ATOMS),
            lut: real((ATOMS, 2)),
        }
    }

    fn acquisition(&self) -> Acquisition<'_> {
        let facts = Facts {
            image: Some(self.image),
            fourier_scale: Some(FourierScale::Unitary),
            coefficients: Some(COEFFICIENTS),
            ..Facts::default()
        };
        Acquisition::new(facts)
            .with("trajectory", self.trajectory.view())
            .with("basis", self.basis.view())
            .with("coil_maps", self.coil_maps.view())
            .with("atoms", self.atoms.view())
            .with("norms", self.norms.view())
            .with("lut", self.lut.view())
    }
}

/// What parts make of a volume.
#[derive(PartialEq)]
struct Results {
    samples: ArrayD<Complex32>,
    adjoint: ArrayD<Complex32>,
    normal: ArrayD<Complex32>,
    /// Of total variation, over three axes.
    denoised: ArrayD<Complex32>,
    penalty: Option<f64>,
    /// Of wavelets, plane by plane.
    of_planes: ArrayD<Complex32>,
    projected: ArrayD<Complex32>,
    maps: ParameterMaps,
}

impl Results {
    fn of(registry: &Registry, arrays: &Arrays) -> Self {
        let (none, acquisition) = (json!({}), arrays.acquisition());
        let variation = serde_json::from_str(VARIATION).unwrap();
        let operator = registry.create_operator("diph.cartesian", &none, &acquisition).unwrap();
        let prior = registry.create_prior("diph.total-variation", &variation, &acquisition).unwrap();
        let wavelet = registry.create_prior("diph.wavelet", &none, &acquisition).unwrap();
        let projector = registry.create_projector("diph.bloch-dictionary", &none, &acquisition).unwrap();
        let volume = volume();
        let (samples, adjoint, normal) = measured(&*operator, &volume);
        let (denoised, penalty) = denoised(&*prior, &volume);
        let mut projected = ArrayD::zeros(volume.raw_dim());
        let mut maps = ParameterMaps::zeros(projector.parameters().to_vec(), &arrays.image);
        projector.project(volume.view(), projected.view_mut(), Some(&mut maps)).unwrap();
        let of_planes = self::denoised(&*wavelet, &volume).0;
        Self { samples, adjoint, normal, denoised, penalty, of_planes, projected, maps }
    }
}

fn random_complex(shape: &[usize], seed: u64) -> ArrayD<Complex32> {
    let mut rng = Rng::seed_from_u64(seed);
    let mut number = || rng.random_range(-1.0f32..1.0);
    ArrayD::from_shape_simple_fn(IxDyn(shape), || Complex32::new(number(), number()))
}

fn volume() -> ArrayD<Complex32> {
    random_complex(&[&[COEFFICIENTS], &IMAGE[..]].concat(), 3)
}

fn measured(
    operator: &dyn ForwardOperator,
    volume: &ArrayD<Complex32>,
) -> (ArrayD<Complex32>, ArrayD<Complex32>, ArrayD<Complex32>) {
    let (mut samples, mut adjoint) = (operator.range().zeros(), operator.domain().zeros());
    let mut normal = operator.domain().zeros();
    operator.forward(volume.view(), samples.view_mut()).unwrap();
    operator.adjoint(samples.view(), adjoint.view_mut()).unwrap();
    operator.normal(volume.view(), normal.view_mut()).unwrap();
    (samples, adjoint, normal)
}

fn denoised(prior: &dyn Prior, noisy: &ArrayD<Complex32>) -> (ArrayD<Complex32>, Option<f64>) {
    denoised_with(prior, noisy, &mut Rng::seed_from_u64(4))
}

fn denoised_with(prior: &dyn Prior, noisy: &ArrayD<Complex32>, rng: &mut Rng) -> (ArrayD<Complex32>, Option<f64>) {
    let mut context = PriorContext { schedule: None, conditions: &Conditions::new(), rng };
    let mut clean = ArrayD::zeros(noisy.raw_dim());
    let penalty = prior.denoise(noisy.view(), 0.3, clean.view_mut(), &mut context).unwrap();
    (clean, penalty)
}

fn linked() -> Registry {
    let mut registry = Registry::new(HostServices::new());
    diph_built_in::register(&mut registry).unwrap();
    registry
}

fn loaded() -> Registry {
    let mut registry = Registry::new(HostServices::new());
    for library in ["diph_cartesian_operator", "diph_sparse_prior", "diph_bloch_dictionary"] {
        registry.open(&fixtures::cargo_plugin(library)).unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(registry.components().all(|component| component.library.origin() == Origin::File));
    registry
}

#[test]
fn loaded_parts_give_the_same_bytes_as_linked_ones_and_as_no_plugin() {
    let arrays = Arrays::new();
    let (linked, loaded) = (Results::of(&linked(), &arrays), Results::of(&loaded(), &arrays));
    assert!(linked == loaded);
    let shape = [&[COEFFICIENTS], &IMAGE[..]].concat();
    for image in [&loaded.adjoint, &loaded.normal, &loaded.denoised, &loaded.of_planes, &loaded.projected] {
        assert_eq!(image.shape(), shape);
        assert!(image.iter().any(|value| *value != Complex32::ZERO));
    }
    assert_eq!(loaded.maps.amplitude.shape(), IMAGE);

    let acquisition = CartesianArrays {
        trajectory: arrays.trajectory.view(),
        basis: arrays.basis.view(),
        coil_maps: Some(arrays.coil_maps.view()),
        weights: None,
    };
    let options = CartesianOptions { image: arrays.image, normalisation: FourierScale::Unitary };
    let own = measured(&CartesianOperator::new(acquisition, &options).unwrap(), &volume());
    assert!(own == (loaded.samples, loaded.adjoint, loaded.normal));
    let options: TotalVariationOptions = serde_json::from_str(VARIATION).unwrap();
    assert!(denoised(&TotalVariation::new(options).unwrap(), &volume()) == (loaded.denoised, loaded.penalty));
}

#[test]
fn a_prior_of_planes_gets_the_planes_one_by_one() {
    let (arrays, registry) = (Arrays::new(), loaded());
    let results = Results::of(&registry, &arrays);
    let mut of_plane = arrays.acquisition();
    of_plane.facts.image = Some(ImageShape::plane(IMAGE[1], IMAGE[2]));
    let wavelet = registry.create_prior("diph.wavelet", &json!({}), &of_plane).unwrap();
    // The random shifts of all planes come from one generator.
    let mut rng = Rng::seed_from_u64(4);
    for z in 0..IMAGE[0] {
        let plane = volume().index_axis_move(ndarray::Axis(1), z).as_standard_layout().into_owned();
        let denoised = denoised_with(&*wavelet, &plane, &mut rng).0;
        assert_eq!(denoised, results.of_planes.index_axis(ndarray::Axis(1), z), "plane {z}");
    }
}

#[test]
fn parts_of_planes_say_what_takes_a_volume() {
    let (arrays, registry) = (Arrays::new(), linked());
    let error = registry.create_estimator("diph.regression", &json!({}), &arrays.acquisition()).err().unwrap();
    assert!(matches!(error, Error::Incompatible { .. }));
    let error = error.to_string();
    assert!(
        error.contains("expected an image of two spatial axes, got one of 4 x 6 x 5; no estimator here takes it"),
        "{error}"
    );
}
