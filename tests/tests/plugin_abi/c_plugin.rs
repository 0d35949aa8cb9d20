//! A plugin in plain C is as good as any other.

use std::sync::{Arc, Mutex};

use crate::fixtures;
use diph_plugin_host::{
    Acquisition, ArrayData, ElementType, HostServices, Kind, LogLevel, Origin, Registry, SearchPath,
};
use ndarray::{Array1, Array2, ArrayD};
use num_complex::Complex32;
use serde_json::json;

#[test]
fn a_c_plugin_is_listed_checked_and_works() {
    let directory = tempfile::tempdir().unwrap();
    let Some(library) = fixtures::build_c_plugin("example_plugin", &[], directory.path()) else { return };
    let messages = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&messages);
    let services = HostServices::new().on_log(move |component, level, message| {
        log.lock().unwrap().push((component.to_owned(), level, message.to_owned()));
    });
    let mut registry = Registry::new(services);
    registry.scan(&SearchPath::new().directory(Origin::Argument, directory.path()));
    assert!(registry.failures().is_empty(), "{:?}", registry.failures());

    let gain = registry.find("example.c-gain").unwrap();
    assert_eq!((&gain.descriptor.kind, gain.descriptor.version.as_str()), (&Kind::ForwardOperator, "1.2.3"));
    assert_eq!(gain.library.path(), Some(library.canonicalize().unwrap().as_path()));
    assert_eq!(gain.library.origin(), Origin::Argument);
    let provenance = registry.provenance("example.c-gain").unwrap();
    assert_eq!(provenance.sha256.unwrap().len(), 64);

    for component in registry.components() {
        let id = component.descriptor.id.as_str();
        let (instance, example) = registry.create_example(id, 5).unwrap();
        let report = fixtures::check(&instance, example, 6);
        assert!(report.passed(), "{report}");
        assert!(registry.refuses_unknown_option(id, 7).unwrap());
    }
    assert!(messages.lock().unwrap().contains(&("example.c-gain".into(), LogLevel::Info, "created in C".into())));
}

#[test]
fn an_operator_in_c_gives_the_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let Some(library) = fixtures::build_c_plugin("example_plugin", &[], directory.path()) else { return };
    let mut registry = Registry::new(HostServices::new());
    registry.open(&library).unwrap();
    let gain = Array2::from_shape_fn((2, 3), |(y, x)| (3 * y + x) as f32);
    let gain = Acquisition::default().with("gain", gain);
    let operator = registry.create_operator("example.c-gain", &json!({"factor": 0.5}), &gain).unwrap();
    assert_eq!(operator.domain().to_string(), "[coefficient 1, y 2, x 3]");

    let x = ArrayD::from_elem(vec![1, 2, 3], Complex32::new(2.0, -4.0));
    let mut y = operator.range().zeros();
    operator.forward(x.view(), y.view_mut()).unwrap();
    assert_eq!(y[[0, 1, 2]], Complex32::new(10.0, 5.0));
    let mut normal = operator.domain().zeros();
    operator.normal(x.view(), normal.view_mut()).unwrap();
    assert_eq!(normal[[0, 1, 2]], Complex32::new(12.5, -25.0));
}

#[test]
fn errors_of_a_c_plugin_name_it() {
    let directory = tempfile::tempdir().unwrap();
    let Some(library) = fixtures::build_c_plugin("example_plugin", &[], directory.path()) else { return };
    let mut registry = Registry::new(HostServices::new());
    registry.open(&library).unwrap();
    let flat = Acquisition::default().with("gain", Array1::<f32>::ones(3));
    let error = registry.create_operator("example.c-gain", &json!({}), &flat).err().unwrap();
    assert_eq!(
        error.to_string(),
        "plugin `example.c-gain` (libexample_plugin.so): create: array `gain`: expected f32 along 2 axes, got f32 along 1"
            .replace("libexample_plugin.so", &library.file_name().unwrap().to_string_lossy())
    );
    let none = Acquisition::default();
    let error = registry.create_operator("example.c-gain", &json!({}), &none).err().unwrap();
    assert!(error.to_string().starts_with("operator `example.c-gain`: needs the array `gain`, which"), "{error}");
    let gain = Acquisition::default().with("gain", Array2::<f32>::ones((2, 3)));
    let error = registry.create_operator("example.c-gain", &json!({"faktor": 1}), &gain).err().unwrap();
    assert!(error.to_string().ends_with("create: option `faktor`: unknown option"), "{error}");
    let error = registry.create_prior("example.c-gain", &json!({}), &none).err().unwrap();
    assert!(error.to_string().contains("expected prior, got operator"), "{error}");
    let error = registry.create_prior("example.none", &json!({}), &none).err().unwrap();
    assert!(error.to_string().contains("example.c-gain | example.c-shrink"), "{error}");
}

#[test]
fn memory_and_time_are_known_from_shapes_alone() {
    let directory = tempfile::tempdir().unwrap();
    let Some(library) = fixtures::build_c_plugin("example_plugin", &[], directory.path()) else { return };
    let mut registry = Registry::new(HostServices::new());
    registry.open(&library).unwrap();
    let gain = Acquisition::default().with("gain", ArrayData::Announced(ElementType::F32, vec![1000, 2000]));
    let estimate = registry.memory_estimate("example.c-gain", &json!({}), &gain, true).unwrap().unwrap();
    assert_eq!(estimate.kept_parts().collect::<Vec<_>>(), [("gain", 8_000_000)]);
    assert!(registry.memory_estimate("example.c-shrink", &json!({}), &gain, false).unwrap().is_none());
    assert!(registry.memory_estimate("example.c-gain", &json!({"x": 1}), &gain, false).is_err());

    // 2 ns for every pixel of a call.
    let time = registry.time_estimate("example.c-gain", &json!({}), &gain, 500).unwrap().unwrap();
    assert!((time.as_secs_f64() - 2.0).abs() < 1e-6, "{time:?}");
    assert!(registry.time_estimate("example.c-shrink", &json!({}), &gain, 500).unwrap().is_none());
    assert!(registry.time_estimate("example.c-gain", &json!({"x": 1}), &gain, 500).is_err());
}
