//! ADMM and FISTA on the same problem, with operator and prior out of plugins.

use std::collections::BTreeMap;
use std::sync::Arc;

use diph_core::{
    Admm, AdmmSettings, CgSettings, Fista, FistaSettings, ForwardOperator, ImageShape, OperatorNorm, Problem, Rng,
    objective,
};
use diph_plugin_host::{Acquisition, Facts, HostServices, Registry};
use ndarray::{Array2, Array3, ArrayD};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use serde_json::json;

const LAMBDA: f32 = 0.05;

#[test]
fn admm_and_fista_reach_the_same_objective_for_every_exact_prior() {
    let mut registry = Registry::new(HostServices::new());
    diph_built_in::register(&mut registry).unwrap();
    let operator = operator(&registry);
    let norm = OperatorNorm::new(&*operator).estimate().unwrap();
    let problem = Problem::new(operator.clone(), norm, 1.0, samples(&*operator).view()).unwrap();
    let conditions = BTreeMap::new();
    for (id, options) in [
        ("diph.total-variation", json!({ "iterations": 500, "tolerance": 1e-5 })),
        ("diph.locally-low-rank", json!({ "block": 4, "shift": "none" })),
        ("diph.wavelet", json!({ "levels": 2, "shift": "none" })),
    ] {
        let prior = registry.create_prior(id, &options, &Acquisition::default()).unwrap();
        let settings = FistaSettings { iterations: 300, lambda: LAMBDA, ..FistaSettings::default() };
        let fista = Fista { problem: &problem, prior: &*prior, settings, conditions: &conditions, seed: 0 };
        let settings = AdmmSettings {
            iterations: 300,
            lambda: LAMBDA,
            penalty: 0.3,
            cg: CgSettings { max_iterations: 10, ..CgSettings::default() },
            ..AdmmSettings::default()
        };
        let admm =
            Admm { problem: &problem, prior: &*prior, projector: None, conditions: &conditions, settings, seed: 0 };
        let value = |x: &ArrayD<Complex32>| objective(&problem, &*prior, LAMBDA, x.view()).unwrap();
        let (of_fista, of_admm) = (fista.solve(&mut []).unwrap().state, admm.solve(&mut []).unwrap().state);
        let by_fista = fista.objective(&of_fista).unwrap().unwrap();
        let by_admm = admm.objective(&of_admm).unwrap().unwrap();
        assert!((by_fista - value(&of_fista.x)).abs() < 1e-5 * by_fista, "{id}: the objective is that of the image");
        assert!((by_admm - value(&of_admm.x_tilde)).abs() < 1e-5 * by_admm, "{id}: the objective is that of the image");
        let of_zero = value(&problem.operator().domain().zeros());
        assert!(by_fista < 0.8 * of_zero, "{id}: the solution must not be zero");
        assert!((by_fista - by_admm).abs() < 1e-3 * by_fista, "{id}: FISTA {by_fista}, ADMM {by_admm}");
    }
}

fn operator(registry: &Registry) -> Arc<dyn ForwardOperator> {
    let mut rng = Rng::seed_from_u64(1);
    let mut uniform = |low: f64, high: f64| rng.random_range(low..high);
    let trajectory = Array3::from_shape_simple_fn((12, 60, 2), || uniform(-0.5, 0.5));
    let basis = Array2::from_shape_simple_fn((12, 2), || uniform(-1.0, 1.0) as f32);
    let facts = Facts { image: Some(ImageShape::plane(16, 15)), ..Facts::default() };
    let acquisition = Acquisition::new(facts).with("trajectory", trajectory).with("basis", basis);
    registry.create_operator("diph.mrf-nufft", &json!({ "accuracy": 1e-5 }), &acquisition).unwrap().into()
}

/// A square of each coefficient, measured.
fn samples(operator: &dyn ForwardOperator) -> ArrayD<Complex32> {
    let image = Array3::from_shape_fn((2, 16, 15), |(k, y, x)| match (4..12).contains(&y) && (3..10).contains(&x) {
        true => Complex32::new(1.0, 0.5 * k as f32),
        false => Complex32::ZERO,
    });
    let mut samples = operator.range().zeros();
    operator.forward(image.into_dyn().view(), samples.view_mut()).unwrap();
    samples
}
