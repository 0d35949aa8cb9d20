//! The plugins that come with Diph obey the laws through the door that everybody uses.

use std::path::PathBuf;
use std::time::Instant;

use diph_plugin_host::{HostServices, Origin, PluginInstance, Registry, SearchPath};
use diph_test_kit::{Report, check_conditional_prior, check_operator, check_projector};

use crate::fixtures;

const SEED: u64 = 20;

fn reports(library: &str, components: usize) -> Vec<Report> {
    let path: PathBuf = fixtures::cargo_plugin(library);
    let mut registry = Registry::new(HostServices::new());
    registry.open(&path).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(registry.components().count(), components);
    let ids: Vec<String> = registry.components().map(|component| component.descriptor.id.clone()).collect();
    ids.iter()
        .map(|id| {
            assert!(registry.refuses_unknown_option(id, SEED).unwrap(), "{id} takes an unknown option");
            let (instance, example) = registry.create_example(id, SEED).unwrap_or_else(|error| panic!("{error}"));
            match &instance {
                PluginInstance::Operator(operator) => check_operator(operator, SEED),
                PluginInstance::Prior(prior) => {
                    let conditions = example.draw_conditions(SEED).unwrap_or_else(|error| panic!("{error}"));
                    check_conditional_prior(prior, &example.image, &conditions, SEED)
                }
                PluginInstance::Projector(projector) => {
                    check_projector(projector, &example.image_shape().unwrap(), SEED)
                }
                _ => panic!("a kind that is unknown here"),
            }
        })
        .collect()
}

fn assert_lawful(library: &str, components: usize) {
    for report in reports(library, components) {
        println!("{report}");
        assert!(report.passed(), "{report}");
    }
}

#[test]
fn mrf_nufft() {
    assert_lawful("diph_mrf_nufft", 1);
}

#[test]
fn cartesian() {
    assert_lawful("diph_cartesian_operator", 1);
}

#[test]
fn bloch_dictionary() {
    assert_lawful("diph_bloch_dictionary", 1);
}

#[test]
fn sparse_prior() {
    assert_lawful("diph_sparse_prior", 3);
}

#[test]
fn diffusion_prior() {
    assert_lawful("diph_diffusion_prior", 1);
}

#[test]
fn the_build_directory_gives_the_plugins_and_no_complaint() {
    let deps = fixtures::cargo_plugin("diph_cartesian_operator").parent().unwrap().to_owned();
    let started = Instant::now();
    let mut registry = Registry::new(HostServices::new());
    registry.scan(&SearchPath::new().directory(Origin::Executable, &deps));
    println!("scanned {} libraries in {:?}", registry.libraries().len(), started.elapsed());
    assert!(registry.failures().is_empty(), "{:?}", registry.failures());
    for id in ["diph.mrf-nufft", "diph.cartesian", "diph.bloch-dictionary", "diph.total-variation"] {
        assert_eq!(registry.find(id).unwrap().library.path().parent(), Some(deps.as_path()));
    }
}
