//! Whole reconstructions through shared libraries: those of Diph itself, and a stranger's.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;

use serde_json::Value;

use crate::bench::Bench;
use crate::plugins::build_c_plugin;

/// A slice that direct sums can measure.
pub const SMALL_DATA: [&str; 9] = ["simulate", "--phantom", "24x20", "--cut", "4", "--samples", "100", "--out", "data"];

/// Copies libraries that cargo built with these tests into `plugins` of the bench.
pub fn install(bench: &Bench, libraries: &[&str]) {
    let deps = env::current_exe().unwrap().parent().unwrap().to_owned();
    fs::create_dir_all(bench.path("plugins")).unwrap();
    for library in libraries {
        let file = format!("{DLL_PREFIX}{library}{DLL_SUFFIX}");
        fs::copy(deps.join(&file), bench.path("plugins").join(&file)).unwrap();
    }
}

pub fn bytes(bench: &Bench, run: &str, file: &str) -> Vec<u8> {
    fs::read(bench.path(run).join("vol0_slice0").join(file)).unwrap()
}

fn metric(results: &Value, name: &str) -> f64 {
    results["mean"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {results}"))
}

#[test]
fn loaded_parts_give_the_same_bytes_as_built_in_ones() {
    let bench = Bench::with_data();
    let loaded = ["diph_mrf_nufft", "diph_bloch_dictionary", "diph_sparse_prior", "diph_diffusion_prior"];
    install(&bench, &loaded);
    let cases = [
        ("lsq", "solver.least-squares.iterations=3"),
        ("lrtv", "solver.fista.iterations=5"),
        ("mrf-diph-unconditional", "solver.annealed.iterations=2"),
    ];
    for (method, few) in cases {
        let slice = ["--slices", "0", "--set", few, "--force"];
        bench.recon(method, "built-in", &slice);
        bench.recon(method, "loaded", &[&slice[..], &["--plugin-dir", "plugins"]].concat());
        for file in ["maps.npz", "tsmi.npz"] {
            assert!(bytes(&bench, "built-in", file) == bytes(&bench, "loaded", file), "{method}: {file} differs");
        }
        let library = |run: &str| {
            let provenance = bench.json(&format!("{run}/vol0_slice0/provenance.json"));
            provenance["plugins"][0]["library"].as_str().unwrap().to_owned()
        };
        assert_eq!(library("built-in"), "built in");
        assert_eq!(library("loaded"), format!("{DLL_PREFIX}diph_mrf_nufft{DLL_SUFFIX}"));
    }
}

#[test]
fn a_volume_goes_through_loaded_parts_as_through_built_in_ones() {
    let bench = Bench::new();
    bench.succeed(&["simulate", "--phantom", "4x24x20", "--cut", "4", "--lines", "20", "--out", "data"]);
    install(&bench, &["diph_cartesian_operator", "diph_bloch_dictionary", "diph_sparse_prior"]);
    let cartesian = ["--set", r#"operator={"id":"diph.cartesian"}"#, "--set", "solver.fista.iterations=5"];
    for method in ["lrtv", "wavelet"] {
        let [own, loaded] = ["built-in", "loaded"].map(|parts| format!("{parts}-{method}"));
        bench.recon(method, &own, &cartesian);
        bench.recon(method, &loaded, &[&cartesian[..], &["--plugin-dir", "plugins"]].concat());
        for file in ["maps.npz", "tsmi.npz"] {
            assert!(bytes(&bench, &own, file) == bytes(&bench, &loaded, file), "{method}: {file} differs");
        }
        let provenance = bench.json(&format!("{loaded}/vol0_slice0/provenance.json"));
        let libraries = provenance["plugins"].as_array().unwrap().iter().map(|part| part["library"].as_str().unwrap());
        assert!(libraries.into_iter().all(|library| library != "built in"), "{provenance}");
    }
}

/// Reconstructs with the parts `names` of a stranger beside Diph's own, on the same data.
fn compare(bench: &Bench, [operator, prior, projector]: [&str; 3]) {
    let few = ["--slices", "0", "--set", "solver.fista.iterations=5"];
    let set = |part: &str, id: &str| format!(r#"{part}={{"id":"{id}"}}"#);
    let (operator, prior, projector) = (set("operator", operator), set("prior", prior), set("projector", projector));
    let own = bench.recon("lrtv", "own", &[&few[..], &["--set", &prior, "--plugin-dir", "plugins"]].concat());
    let words = ["--plugin-dir", "plugins", "--set", &operator, "--set", &prior, "--set", &projector];
    let results = bench.recon("lrtv", "out", &[&few[..], &words].concat());
    for name in ["tsmi_nrmse", "kspace_nrmse", "t1_mape_percent", "t2_mape_percent"] {
        let (ours, theirs) = (metric(&own, name), metric(&results, name));
        assert!((ours - theirs).abs() < 0.02 * ours, "{name}: {ours} with Diph's parts, {theirs} with a stranger's");
    }
}

#[test]
fn a_strangers_operator_prior_and_projector_in_c_reconstruct() {
    let bench = Bench::new();
    bench.succeed(&SMALL_DATA);
    let Some(library) = build_c_plugin("lab_plugin", &bench.path("plugins")) else { return };
    let table = bench.succeed(&["plugin", "check", library.to_str().unwrap()]);
    assert!(table.contains("lab.dft") && table.contains("lab.match") && !table.contains("FAILED"), "{table}");
    compare(&bench, ["lab.dft", "lab.shrink", "lab.match"]);
    let provenance = bench.json("out/vol0_slice0/provenance.json");
    let ids: Vec<&str> = provenance["plugins"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["lab.dft", "lab.shrink", "lab.match"]);
    assert_eq!(provenance["plugins"][0]["sha256"].as_str().unwrap().len(), 64);
}

#[test]
fn a_strangers_parts_in_rust_reconstruct() {
    let bench = Bench::new();
    bench.succeed(&SMALL_DATA);
    install(&bench, &["diph_fixture_sdk_plugin"]);
    compare(&bench, ["fixture.dft", "fixture.shrink", "fixture.match"]);
}

#[test]
fn what_a_strangers_operator_lacks_is_said_before_it_is_created() {
    let bench = Bench::with_data();
    let Some(_) = build_c_plugin("example_plugin", &bench.path("plugins")) else { return };
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", "out"];
    let own = ["--plugin-dir", "plugins", "--set", r#"operator={"id":"example.c-gain"}"#];
    let error = bench.fail(1, &[&words[..], &own].concat());
    assert!(error.contains("operator `example.c-gain`: needs the array `gain`"), "{error}");
}
