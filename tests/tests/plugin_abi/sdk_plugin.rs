//! Everything that crosses the border with a plugin made by the SDK, panics included.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use crate::fixtures;
use diph_core::{Error, ForwardOperator, ImageShape, ParameterMaps, PriorContext, Rng, ScheduleEntry};
use diph_plugin_host::{Acquisition, HostServices, Registry};
use ndarray::{Array1, Array2, ArrayD};
use num_complex::Complex32;
use rand::{RngExt, SeedableRng};
use serde_json::json;

fn registry(services: HostServices) -> Registry {
    let mut registry = Registry::new(services);
    registry.open(&fixtures::cargo_plugin("diph_fixture_sdk_plugin")).unwrap();
    registry
}

fn gain(panics: &str) -> diph_core::Result<Box<dyn ForwardOperator>> {
    let gain = Acquisition::default().with("gain", Array2::<f32>::ones((2, 3)));
    registry(HostServices::new()).create_operator("fixture.gain", &json!({"panics": panics}), &gain)
}

#[test]
fn every_component_passes_the_kit() {
    let registry = registry(HostServices::new());
    assert_eq!(registry.components().count(), 7);
    for component in registry.components() {
        let id = component.descriptor.id.as_str();
        assert_eq!(component.descriptor.version, "3.2.1");
        assert_eq!(component.descriptor.options_schema["additionalProperties"], false);
        let (instance, example) = registry.create_example(id, 1).unwrap();
        let report = fixtures::check(&instance, example, 2);
        assert!(report.passed(), "{report}");
        assert!(registry.refuses_unknown_option(id, 3).unwrap());
    }
}

#[test]
fn a_panic_is_an_error_and_the_instance_goes_on() {
    let error = gain("create").err().unwrap().to_string();
    assert!(error.starts_with("plugin `fixture.gain` ("), "{error}");
    assert!(error.ends_with("create: panicked: on demand in create"), "{error}");

    let operator = gain("forward").unwrap();
    let x = ArrayD::from_elem(vec![1, 2, 3], Complex32::ONE);
    let mut y = operator.range().zeros();
    let error = operator.forward(x.view(), y.view_mut()).unwrap_err().to_string();
    assert!(error.ends_with("forward: panicked: on demand in forward"), "{error}");
    operator.adjoint(x.view(), y.view_mut()).unwrap();
    assert_eq!(y[[0, 0, 0]], -Complex32::I);

    drop(gain("destroy").unwrap());
}

#[test]
fn normal_is_the_plugins_own() {
    let operator = gain("forward").unwrap();
    let x = ArrayD::from_elem(vec![1, 2, 3], Complex32::ONE);
    let mut out = operator.domain().zeros();
    operator.normal(x.view(), out.view_mut()).unwrap();
    assert_eq!(out, x);
}

#[test]
fn data_weights_cross_the_border() {
    let registry = registry(HostServices::new());
    let gain = Acquisition::default().with("gain", Array2::<f64>::ones((2, 3)));
    let arrays = gain.clone().with("weights", Array2::from_elem((2, 3), 9.0f32));
    let weighted = registry.create_operator("fixture.gain", &json!({}), &arrays).unwrap();
    assert_eq!(weighted.data_weights().unwrap().unwrap(), ArrayD::from_elem(vec![1, 2, 3], 3.0));
    let plain = registry.create_operator("fixture.gain", &json!({}), &gain).unwrap();
    assert!(plain.data_weights().unwrap().is_none());
}

#[test]
fn bad_options_and_arrays_are_named() {
    let registry = registry(HostServices::new());
    let create = |options, acquisition: Acquisition<'_>| {
        registry.create_operator("fixture.gain", &options, &acquisition).err().unwrap().to_string()
    };
    let none = Acquisition::default;
    let gain = |rows| none().with("gain", Array2::<f32>::ones((rows, 3)));
    let error = create(json!({}), none());
    assert!(error.starts_with("operator `fixture.gain`: needs the array `gain`, which"), "{error}");
    for (error, part) in [
        (create(json!({"faktor": 1}), gain(2)), "option `faktor`: unknown field `faktor`, expected"),
        (create(json!({"factor": "big"}), gain(2)), "option `factor`: invalid type: string \"big\", expected f32"),
        (
            create(json!({}), none().with("gain", Array1::<f32>::ones(3))),
            "array `gain`: expected real numbers along 2 axes, got f32 [3]",
        ),
        (
            create(json!({}), none().with("gain", Array2::<Complex32>::ones((2, 3)))),
            "array `gain`: expected real numbers along 2 axes, got c64 [2, 3]",
        ),
        (
            create(json!({}), none().with("gain", Array2::from_elem((2, 3), f32::NAN))),
            "array `gain` holds a value that is not finite",
        ),
        (
            create(json!({}), gain(2).with("weights", Array2::<f32>::ones((3, 3)))),
            "expected array `weights` [2, 3], got [3, 3]",
        ),
    ] {
        assert!(error.starts_with("plugin `fixture.gain` (") && error.contains(part), "expected `{part}` in: {error}");
    }
}

#[test]
fn wrong_shapes_do_not_reach_the_plugin() {
    let operator = gain("never").unwrap();
    let wrong = ArrayD::zeros(vec![1, 3, 2]);
    let mut y = operator.range().zeros();
    let error = operator.forward(wrong.view(), y.view_mut()).unwrap_err();
    assert!(matches!(&error, Error::Shape { expected, got, .. } if expected == &[1, 2, 3] && got == &[1, 3, 2]));
    let strided = ArrayD::<Complex32>::zeros(vec![1, 2, 6]);
    let strided = strided.slice(ndarray::s![.., .., ..;2]).into_dyn();
    let error = operator.forward(strided, y.view_mut()).unwrap_err();
    assert!(matches!(error, Error::NotContiguous { .. }), "{error}");
}

#[test]
fn schedule_conditions_and_randomness_cross_the_border() {
    let prior =
        registry(HostServices::new()).create_prior("fixture.noisy", &json!({}), &Acquisition::default()).unwrap();
    let schedule = prior.noise_schedule(3).unwrap().unwrap();
    assert_eq!(schedule.entries[2], ScheduleEntry { index: 2, timestep: 20, abar: 1.0 / 3.0 });
    let error = prior.noise_schedule(1001).unwrap_err().to_string();
    assert!(error.contains("steps: expected at most 1000, got 1001"), "{error}");
    assert!(prior.proximal_accuracy().is_none());

    let noisy = ArrayD::from_elem(vec![1, 2, 2], Complex32::ONE);
    let conditions = BTreeMap::from([("low_res".to_owned(), ArrayD::from_elem(vec![1, 2, 2], Complex32::I))]);
    let run = |sigma: f32, rng: &mut Rng| {
        let schedule = Some(ScheduleEntry { index: 1, timestep: 10, abar: 0.5 });
        let mut clean = ArrayD::zeros(noisy.raw_dim());
        let mut context = PriorContext { schedule, conditions: &diph_core::lend_conditions(&conditions), rng };
        let penalty = prior.denoise(noisy.view(), sigma, clean.view_mut(), &mut context).unwrap();
        assert!(penalty.is_none());
        clean
    };
    let exact = run(0.0, &mut Rng::seed_from_u64(1));
    assert!(exact.iter().all(|value| *value == Complex32::new(1.5, 1.0)));
    let mut rng = Rng::seed_from_u64(1);
    let (first, second) = (run(1.0, &mut rng), run(1.0, &mut rng));
    assert_eq!(first, run(1.0, &mut Rng::seed_from_u64(1)), "same seed, same noise");
    assert_ne!(first, second, "the generator moves on");
    assert_ne!(rng.random::<u64>(), Rng::seed_from_u64(1).random::<u64>());
}

#[test]
fn a_projector_fills_the_maps() {
    let registry = registry(HostServices::new());
    let direction = Acquisition::default().with("direction", Array1::from(vec![3.0f32, 4.0]));
    let projector = registry.create_projector("fixture.ray", &json!({"unit": "s"}), &direction).unwrap();
    assert_eq!((projector.coefficients(), projector.parameters()[0].unit.as_str()), (2, "s"));
    let x = ArrayD::from_elem(vec![2, 1, 2], Complex32::I);
    let mut z = x.clone();
    let mut maps = ParameterMaps::zeros(projector.parameters().to_vec(), &ImageShape::plane(1, 2));
    projector.project(x.view(), z.view_mut(), Some(&mut maps)).unwrap();
    assert!((maps.amplitude[[0, 1]] - Complex32::new(0.0, 1.4)).norm() < 1e-6);
    assert!((maps.values[[0, 0, 1]] - 0.6).abs() < 1e-6);
    assert!((z[[1, 0, 0]] - Complex32::new(0.0, 1.12)).norm() < 1e-6);
    let mut wrong = ParameterMaps::zeros(projector.parameters().to_vec(), &ImageShape::plane(2, 2));
    assert!(projector.project(x.view(), z.view_mut(), Some(&mut wrong)).is_err());
}

#[test]
fn host_services_cross_the_border() {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let (log, progress) = (Arc::clone(&messages), Arc::clone(&messages));
    let cancel = Arc::new(AtomicBool::new(false));
    let services = HostServices::new()
        .threads(NonZero::new(3).unwrap())
        .cancel_flag(Arc::clone(&cancel))
        .on_log(move |id, level, message| log.lock().unwrap().push(format!("{id} {level:?} {message}")))
        .on_progress(move |id, task, done, total| {
            progress.lock().unwrap().push(format!("{id} {task} {done}/{total}"));
            panic!("a callback's panic must not cross the border");
        });
    let prior = registry(services).create_prior("fixture.noisy", &json!({}), &Acquisition::default()).unwrap();
    let noisy = ArrayD::zeros(vec![1, 2, 2]);
    let mut clean = noisy.clone();
    let (conditions, mut rng) = (BTreeMap::new(), Rng::seed_from_u64(1));
    let mut context = PriorContext { schedule: None, conditions: &conditions, rng: &mut rng };
    prior.denoise(noisy.view(), 0.1, clean.view_mut(), &mut context).unwrap();
    let heard = messages.lock().unwrap().clone();
    assert!(heard[0].starts_with("fixture.noisy Warning 3 threads"), "{heard:?}");
    assert_eq!(heard[1..], ["fixture.noisy noise 1/2"]);
    cancel.store(true, Ordering::Relaxed);
    let error = prior.denoise(noisy.view(), 0.1, clean.view_mut(), &mut context).unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
}
