//! The plugins that come with Diph obey the laws through the door that everybody uses, linked and loaded.

use diph_plugin_host::{HostServices, Origin, Registry};

use crate::fixtures;

const SEED: u64 = 20;

fn assert_lawful(registry: &Registry, components: usize) {
    assert_eq!(registry.components().count(), components);
    for component in registry.components() {
        let id = component.descriptor.id.as_str();
        assert!(registry.refuses_unknown_option(id, SEED).unwrap(), "{id} takes an unknown option");
        let (instance, example) = registry.create_example(id, SEED).unwrap_or_else(|error| panic!("{error}"));
        let report = fixtures::check(&instance, example, SEED);
        println!("{report}");
        assert!(report.passed(), "{report}");
        let memory = registry.memory_estimate(id, &example.options, &example.announce(), true);
        assert!(memory.unwrap_or_else(|error| panic!("{error}")).is_some(), "{id} says nothing of its memory");
    }
}

fn loaded(library: &str) -> Registry {
    let mut registry = Registry::new(HostServices::new());
    registry.open(&fixtures::cargo_plugin(library)).unwrap_or_else(|error| panic!("{error}"));
    registry
}

#[test]
fn mrf_nufft() {
    assert_lawful(&loaded("diph_mrf_nufft"), 1);
}

#[test]
fn cartesian() {
    assert_lawful(&loaded("diph_cartesian_operator"), 1);
}

#[test]
fn bloch_dictionary() {
    assert_lawful(&loaded("diph_bloch_dictionary"), 1);
}

#[test]
fn sparse_prior() {
    assert_lawful(&loaded("diph_sparse_prior"), 3);
}

#[test]
fn gaussian_prior() {
    assert_lawful(&loaded("diph_gaussian_prior"), 1);
}

#[test]
fn diffusion_prior() {
    assert_lawful(&loaded("diph_diffusion_prior"), 1);
}

#[test]
fn regression_estimator() {
    assert_lawful(&loaded("diph_regression_estimator"), 1);
}

#[test]
fn linked_parts_come_after_loaded_ones() {
    let mut registry = Registry::new(HostServices::new());
    diph_built_in::register(&mut registry).unwrap();
    let id = "diph.cartesian";
    let provenance = registry.provenance(id).unwrap();
    assert_eq!((provenance.origin, provenance.path, provenance.sha256), (Origin::BuiltIn, None, None));
    assert_eq!(provenance.version, env!("CARGO_PKG_VERSION"));
    let (instance, example) = registry.create_example(id, SEED).unwrap();
    assert!(fixtures::check(&instance, example, SEED).passed());
    let error =
        registry.create_operator(id, &serde_json::json!({"colour": 1}), &example.draw(1).unwrap()).err().unwrap();
    assert!(error.to_string().starts_with("plugin `diph.cartesian` (built in): "), "{error}");

    registry.open(&fixtures::cargo_plugin("diph_cartesian_operator")).unwrap();
    assert_eq!(registry.find(id).unwrap().library.origin(), Origin::File);
    let shadowed = registry.components().filter(|component| component.shadowed_by.is_some());
    assert_eq!(shadowed.map(|component| component.library.to_string()).collect::<Vec<_>>(), ["built in"]);
    assert_eq!(registry.find("diph.wavelet").unwrap().library.origin(), Origin::BuiltIn);
}

#[test]
fn what_an_acquisition_lacks_is_named_before_anything_is_created() {
    let mut registry = Registry::new(HostServices::new());
    diph_built_in::register(&mut registry).unwrap();
    let create = |acquisition| {
        registry.create_operator("diph.mrf-nufft", &serde_json::json!({}), &acquisition).err().unwrap().to_string()
    };
    let example = &registry.find("diph.mrf-nufft").unwrap().descriptor.example;
    let mut acquisition = example.draw(1).unwrap();
    acquisition.facts.image = None;
    assert!(create(acquisition).starts_with("operator `diph.mrf-nufft`: needs the fact `image`"));
    let mut without = example.clone();
    without.arrays.remove("basis");
    let error = create(without.draw(1).unwrap());
    assert!(error.contains("needs the array `basis`") && error.contains("it has coil_maps, trajectory"), "{error}");
    let mut volume = example.draw(1).unwrap();
    volume.facts.image = Some(diph_core::ImageShape::volume(2, 13, 12));
    let error = create(volume);
    assert!(
        error.contains("two spatial axes, got one of 2 x 13 x 12; take another operator: diph.cartesian"),
        "{error}"
    );
}
