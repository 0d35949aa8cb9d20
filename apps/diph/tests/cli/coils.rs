//! Coils: their sensitivities as a file and in a reconstruction, their noise, and fewer of them.

use std::path::Path;

use serde_json::Value;

use crate::bench::Bench;

fn error(results: &Value) -> f64 {
    results["mean"]["t1_median_ape_percent"].as_f64().unwrap()
}

/// Noise of four coils that go together, as BART writes it.
fn noise() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers/bart_coils_noise.cfl");
    path.to_str().unwrap().to_owned()
}

fn four_coils() -> Bench {
    let bench = Bench::new();
    bench.simulate("data", &["--coils", "4"]);
    bench
}

#[test]
fn estimated_sensitivities_are_as_good_as_known_ones() {
    let bench = four_coils();
    let slice = ["--slices", "0"];
    let run = |out: &str, more: &[&str]| error(&bench.recon("lrtv", out, &[&slice[..], more].concat()));
    let known = run("known", &[]);
    let estimated = run("espirit", &["--coils", "espirit"]);
    assert!(estimated < 2.0 * known, "estimated sensitivities: {estimated} %, known: {known} %");
    let estimate = ["coils", "--dataset", "data", "--cut", "4", "--image-size", "40x36"];
    for out in ["maps.npy", "maps.npz", "maps.cfl"] {
        let said = bench.succeed(&[&estimate[..], &["--out", out, "--json"]].concat());
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["shape"], serde_json::json!([4, 40, 36]));
        let read = run(&format!("from-{out}"), &["--coils", out]);
        assert!(read < 2.0 * known, "{out}: {read} %, known: {known} %");
    }
    let provenance = bench.json("from-maps.cfl/vol0_slice0/provenance.json");
    assert_eq!(provenance["measurement"]["coils"], "maps.cfl");
    let inputs = provenance["inputs"].as_array().unwrap();
    assert!(["maps.cfl", "maps.hdr"].iter().all(|name| inputs.iter().any(|input| input["path"] == *name)));
    bench.fail(3, &[&estimate[..], &["--out", "maps.txt"]].concat());
}

#[test]
fn virtual_coils_and_white_noise_change_little_where_noise_is_white_and_coils_are_alike() {
    let bench = four_coils();
    let noise = noise();
    let run = |out: &str, more: &[&str]| error(&bench.recon("lrtv", out, &[&["--slices", "0"], more].concat()));
    let known = run("known", &[]);
    let all = run("all", &["--coil-compression", "4"]);
    assert!((all - known).abs() < 0.02 * known, "four virtual coils of four: {all} %, known: {known} %");
    let three = run("three", &["--coil-compression", "3", "--coils", "walsh"]);
    assert!(three < 2.0 * known, "three virtual coils: {three} %, known: {known} %");
    let white = run("white", &["--noise", &noise]);
    assert!(white < 2.0 * known, "white coils: {white} %, known: {known} %");
    let both = run("both", &["--noise", &noise, "--coil-compression", "0.99", "--coils", "espirit"]);
    assert!(both < 2.5 * known, "white virtual coils: {both} %, known: {known} %");
    let provenance = bench.json("both/vol0_slice0/provenance.json");
    assert_eq!(provenance["measurement"]["coil_compression"], "0.99");
    assert!(provenance["measurement"]["noise"].as_str().unwrap().ends_with("bart_coils_noise.cfl"));
}

#[test]
fn what_does_not_fit_the_coils_is_said() {
    let bench = Bench::new();
    bench.simulate("data", &["--coils", "3"]);
    let noise = noise();
    let fail = |code: i32, more: &[&str], expected: &str| {
        let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lsq", "--slices", "0", "--out", "out"];
        let error = bench.fail(code, &[&words[..], more].concat());
        assert!(error.contains(expected), "{more:?}: {error}");
    };
    fail(2, &["--noise", &noise], "--noise: expected noise of 3 coils as in the k-space, got 4");
    fail(2, &["--coil-compression", "5"], "--coil-compression: ");
    fail(2, &["--coil-compression", "1.5"], "a part of the energy such as 0.99");
    fail(3, &["--noise", "data/acquisition/traj_dcf.mat"], "traj_dcf.mat");
    fail(3, &["--coils", &noise], "bart_coils_noise.cfl");
    bench.fail(2, &["coils", "--dataset", "data", "--cut", "4", "--image-size", "2x40x36", "--out", "maps.npy"]);
}

/// The noise scan of raw data is used unless it is left out.
#[test]
fn raw_data_bring_their_noise_scan() {
    let bench = Bench::new();
    let scan = Path::new(&noise()).with_file_name("ismrmrd_python.h5");
    let scan = scan.to_str().unwrap();
    let maps = |out: &str, more: &[&str]| {
        bench.succeed(&[&["coils", "--kspace", scan, "--method", "walsh", "--out", out], more].concat());
        std::fs::read(bench.path(out)).unwrap()
    };
    let own = maps("own.npy", &[]);
    assert_eq!(own, maps("named.npy", &["--noise", scan]));
    assert_ne!(own, maps("none.npy", &["--noise", "none"]));
}
