//! A plugin in plain C is as good as any other.

use std::sync::{Arc, Mutex};

use crate::fixtures;
use diph_core::ForwardOperator;
use diph_plugin_host::{HostServices, Kind, LogLevel, NamedArray, Origin, PluginInstance, Registry, SearchPath};
use diph_test_kit::{check_operator, check_prior};
use ndarray::{Array2, ArrayD};
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
    assert_eq!(gain.library.path(), library.canonicalize().unwrap());
    assert_eq!(gain.library.origin(), Origin::Argument);
    let provenance = registry.provenance("example.c-gain").unwrap();
    assert_eq!(provenance.sha256.len(), 64);

    for component in registry.components() {
        let id = component.descriptor.id.as_str();
        let (instance, example) = registry.create_example(id, 5).unwrap();
        let report = match &instance {
            PluginInstance::Operator(operator) => check_operator(operator, 6),
            PluginInstance::Prior(prior) => check_prior(prior, &example.image, 6),
            _ => panic!("no other kind in the fixture"),
        };
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
    let gain = NamedArray::new("gain", Array2::from_shape_fn((2, 3), |(y, x)| (3 * y + x) as f32));
    let operator = registry.create_operator("example.c-gain", &json!({"factor": 0.5}), &[gain]).unwrap();
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
    let error = registry.create_operator("example.c-gain", &json!({}), &[]).err().unwrap();
    assert_eq!(
        error.to_string(),
        "plugin `example.c-gain` (libexample_plugin.so): create: array `gain`: expected f32 along (y, x)"
            .replace("libexample_plugin.so", &library.file_name().unwrap().to_string_lossy())
    );
    let error = registry.create_prior("example.c-gain", &json!({}), &[]).err().unwrap();
    assert!(error.to_string().contains("expected prior, got operator"), "{error}");
    let error = registry.create_prior("example.none", &json!({}), &[]).err().unwrap();
    assert!(error.to_string().contains("example.c-gain | example.c-shrink"), "{error}");
}
