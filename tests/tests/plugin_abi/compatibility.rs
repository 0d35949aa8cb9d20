//! Plugins of other compilers, and of the header as it was frozen.

use std::fs;
use std::path::Path;

use crate::fixtures::{check, compile, root};
use diph_plugin_host::{HostServices, Registry};

/// All laws on every component of a library.
fn check_all(library: &Path) {
    let mut registry = Registry::new(HostServices::new());
    registry.open(library).unwrap();
    for component in registry.components() {
        let id = component.descriptor.id.as_str();
        let (instance, example) = registry.create_example(id, 5).unwrap();
        let report = check(&instance, example, 6);
        assert!(report.passed(), "{report}");
        assert!(registry.refuses_wrong_shape(id, 7).unwrap(), "{id}");
        assert!(registry.refuses_unknown_option(id, 7).unwrap(), "{id}");
    }
}

#[test]
fn a_plugin_compiled_by_clang_works() {
    let include = root().join("../plugins/abi/include");
    for source in ["example_plugin", "lab_plugin"] {
        let directory = tempfile::tempdir().unwrap();
        let Some(library) = compile("clang", &include, source, &[], directory.path()) else { return };
        check_all(&library);
    }
}

/// Whoever has a plugin of version 1 never has to build it again.
#[test]
fn a_plugin_of_the_frozen_header_works() {
    let include = tempfile::tempdir().unwrap();
    fs::copy(root().join("fixtures/c/diph_plugin_v1.h"), include.path().join("diph_plugin.h")).unwrap();
    let options = root().join("../plugins/abi/include/diph_options.h");
    fs::copy(options, include.path().join("diph_options.h")).unwrap();
    for source in ["example_plugin", "lab_plugin"] {
        let directory = tempfile::tempdir().unwrap();
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let Some(library) = compile(&compiler, include.path(), source, &[], directory.path()) else { return };
        check_all(&library);
    }
}

/// The code of a header without comments, line by line.
fn code(path: &Path) -> Vec<String> {
    let mut text = fs::read_to_string(path).unwrap();
    while let Some(start) = text.find("/*") {
        let end = start + text[start..].find("*/").unwrap() + 2;
        text.replace_range(start..end, "");
    }
    text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Every line of the frozen header stands in the present one, in the same order: lines may only be added.
#[test]
fn the_header_has_only_grown() {
    let now = code(&root().join("../plugins/abi/include/diph_plugin.h"));
    let mut now = now.iter();
    // The minor version counts what was added.
    for line in code(&root().join("fixtures/c/diph_plugin_v1.h")).iter().filter(|l| !l.contains("DIPH_ABI_MINOR")) {
        assert!(now.any(|present| present == line), "`{line}` is gone from diph_plugin.h, or stands elsewhere");
    }
}
