//! Whatever is wrong with a plugin: a clean error that names it, and the host goes on.

use std::fs;

use crate::fixtures;
use diph_core::{ForwardOperator, Result};
use diph_plugin_host::{Acquisition, HostServices, LoadError, Origin, Registry, SearchPath};
use ndarray::ArrayD;
use num_complex::Complex32;
use serde_json::json;

/// Opens the C fixture with one fault; `None` without a C compiler.
fn open(fault: &str) -> Option<std::result::Result<Registry, LoadError>> {
    let directory = tempfile::tempdir().unwrap();
    let library = fixtures::build_c_plugin("faulty_plugin", &[fault], directory.path())?;
    let mut registry = Registry::new(HostServices::new());
    Some(registry.open(&library).map(|_| ()).map(|()| registry))
}

/// The message with which opening fails, after checking that it names the file.
fn open_error(fault: &str) -> Option<String> {
    let error = open(fault)?.err().unwrap_or_else(|| panic!("{fault}: opened without an error")).to_string();
    assert!(error.starts_with("plugin /") && error.contains("faulty_plugin"), "{error}");
    Some(error)
}

fn create(fault: &str) -> Option<Result<Box<dyn ForwardOperator>>> {
    let registry = open(fault)?.unwrap_or_else(|error| panic!("{fault}: {error}"));
    Some(registry.create_operator("example.faulty", &json!({}), &Acquisition::default()))
}

/// The message with which creating fails, after checking that it names plugin and file.
fn create_error(fault: &str) -> Option<String> {
    let error = create(fault)?.err().unwrap_or_else(|| panic!("{fault}: created without an error")).to_string();
    assert!(error.starts_with("plugin `example.faulty` (") && error.contains("faulty_plugin"), "{error}");
    Some(error)
}

/// The message with which `forward` fails; `adjoint` of the same instance fails alike, and nothing else breaks.
fn forward_error(fault: &str) -> Option<String> {
    let operator = create(fault)?.unwrap_or_else(|error| panic!("{fault}: {error}"));
    let x = ArrayD::from_elem(vec![4], Complex32::ONE);
    let mut y = operator.range().zeros();
    let error = operator.forward(x.view(), y.view_mut()).err().unwrap_or_else(|| panic!("{fault}: no error"));
    assert!(operator.adjoint(x.view(), y.view_mut()).is_err());
    let error = error.to_string();
    assert!(error.starts_with("plugin `example.faulty` (") && error.contains("faulty_plugin"), "{error}");
    Some(error)
}

/// Asserts on the message of a fault, unless there is no C compiler.
fn expect(error: Option<String>, part: &str) {
    if let Some(error) = error {
        assert!(error.contains(part), "expected `{part}` in: {error}");
    }
}

#[test]
fn without_a_fault_it_works() {
    let Some(operator) = create("FAULT_NONE") else { return };
    let operator = operator.unwrap();
    let x = ArrayD::from_elem(vec![4], Complex32::ONE);
    let mut y = operator.range().zeros();
    operator.forward(x.view(), y.view_mut()).unwrap();
    assert_eq!(x, y);
}

#[test]
fn wrong_abi_version() {
    expect(open_error("FAULT_ABI"), "expected ABI major version 1, got 99");
}

#[test]
fn missing_symbol() {
    expect(open_error("FAULT_SYMBOL"), "expected the exported symbol `diph_plugin_entry`");
}

#[test]
fn entry_that_is_too_small() {
    expect(open_error("FAULT_SIZE"), "diph_plugin_entry: a struct_size of 8 bytes");
}

#[test]
fn no_factory() {
    expect(open_error("FAULT_NO_FACTORY"), "factory: a null pointer");
}

#[test]
fn failing_init() {
    expect(open_error("FAULT_INIT"), "init failed: no licence for this moon");
}

#[test]
fn descriptor_with_a_broken_schema() {
    expect(open_error("FAULT_BROKEN_SCHEMA"), "descriptor of `example.faulty`: options_schema");
}

#[test]
fn descriptor_that_needs_what_nobody_knows() {
    expect(open_error("FAULT_REQUIREMENTS"), "descriptor of `example.faulty`: requirements: expected a fact of");
}

#[test]
fn failing_create() {
    expect(create_error("FAULT_CREATE"), "create: option `colour`: expected a number");
}

#[test]
fn create_without_a_vtable() {
    expect(create_error("FAULT_NULL_VTABLE"), "vtable: a null pointer");
}

#[test]
fn missing_function() {
    expect(create_error("FAULT_NULL_FUNCTION"), "expected `forward`, got null");
}

#[test]
fn space_without_axes() {
    expect(create_error("FAULT_EMPTY_SPACE"), "domain: wrong shape: expected 1 to 16 axes, got 0");
}

#[test]
fn result_with_a_nan() {
    expect(forward_error("FAULT_NAN"), "forward: result holds a value that is not finite (first at flat index 2)");
}

#[test]
fn result_with_a_wrong_shape() {
    expect(forward_error("FAULT_WRONG_SHAPE"), "forward: expected result of shape [4] of type c64");
}

#[test]
fn status_that_nobody_knows() {
    expect(forward_error("FAULT_STATUS"), "forward: status 4711, without a message");
}

#[test]
fn truncated_file() {
    let directory = tempfile::tempdir().unwrap();
    let Some(library) = fixtures::build_c_plugin("example_plugin", &[], directory.path()) else { return };
    let whole = fs::read(&library).unwrap();
    // A file that the loader has open must not change under it.
    fs::remove_file(&library).unwrap();
    for length in [0, 3, 100, whole.len() / 4, whole.len() / 2, whole.len() - 200] {
        fs::write(&library, &whole[..length]).unwrap();
        let error = Registry::new(HostServices::new()).open(&library).err().unwrap();
        assert!(matches!(error, LoadError::NotALibrary { .. }), "{length} bytes: {error}");
        assert!(error.to_string().contains("example_plugin"), "{error}");
    }
    let mut registry = Registry::new(HostServices::new());
    registry.scan(&SearchPath::new().directory(Origin::Argument, directory.path()));
    assert_eq!((registry.libraries().len(), registry.failures().len()), (0, 1));
}

#[test]
fn a_missing_file_is_named() {
    let error = Registry::new(HostServices::new()).open("/nowhere/libdiph_nothing.so".as_ref()).err().unwrap();
    assert!(error.to_string().starts_with("plugin /nowhere/libdiph_nothing.so: "), "{error}");
}

#[test]
fn libraries_of_another_sort_are_passed_over_in_silence() {
    let directory = tempfile::tempdir().unwrap();
    if fixtures::build_c_plugin("faulty_plugin", &["FAULT_SYMBOL"], directory.path()).is_none() {
        return;
    }
    fs::write(directory.path().join("README.txt"), "no library at all").unwrap();
    let mut registry = Registry::new(HostServices::new());
    registry.scan(&SearchPath::new().directory(Origin::Argument, directory.path()));
    assert!(registry.libraries().is_empty());
    assert!(registry.failures().is_empty());
}

#[test]
fn the_first_of_two_equal_ids_wins_and_both_are_listed() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    if fixtures::build_c_plugin("example_plugin", &[], first.path()).is_none() {
        return;
    }
    fixtures::build_c_plugin("example_plugin", &[], second.path());
    let mut registry = Registry::new(HostServices::new());
    let path = SearchPath::new().directory(Origin::Argument, first.path());
    registry.scan(&path.directory(Origin::UserData, second.path()));
    let gains: Vec<_> = registry.components().filter(|c| c.descriptor.id == "example.c-gain").collect();
    assert_eq!(gains.len(), 2);
    assert!(gains[0].shadowed_by.is_none());
    assert_eq!(gains[1].shadowed_by.unwrap().origin(), Origin::Argument);
    assert_eq!(registry.find("example.c-gain").unwrap().library.origin(), Origin::Argument);
}
