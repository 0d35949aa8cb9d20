//! `diph plugin`, and a plugin in C in a reconstruction.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::bench::Bench;

const BUILT_IN: [&str; 7] = [
    "diph.bloch-dictionary",
    "diph.cartesian",
    "diph.diffusion",
    "diph.locally-low-rank",
    "diph.mrf-nufft",
    "diph.total-variation",
    "diph.wavelet",
];

#[test]
fn the_built_in_plugins_are_listed_described_and_pass_every_law() {
    let bench = Bench::new();
    let listed: Value = serde_json::from_str(&bench.succeed(&["plugin", "list", "--json"])).unwrap();
    let used: Vec<&Value> = listed.as_array().unwrap().iter().filter(|row| row["shadowed_by"].is_null()).collect();
    for id in BUILT_IN {
        let row = used.iter().find(|row| row["id"] == id).unwrap_or_else(|| panic!("{id} is not listed"));
        let info: Value = serde_json::from_str(&bench.succeed(&["plugin", "info", id])).unwrap();
        assert!(info["options_schema"]["type"] == "object" && info["requirements"]["spatial_axes"].is_array());
        assert!(row["origin"] == "built-in" && row["library"].is_null() && info["sha256"].is_null());
        let table = bench.succeed(&["plugin", "check", id]);
        assert!(table.contains(id) && table.contains("ok") && !table.contains("FAILED"), "{table}");
    }
    let error = bench.fail(2, &["plugin", "info", "diph.unknown"]);
    assert!(error.contains("diph.unknown") && error.contains("diph.wavelet"), "{error}");
}

#[test]
fn a_prior_written_in_c_reconstructs() {
    let bench = Bench::with_data();
    let Some(library) = build_c_plugin("example_plugin", &bench.path("plugins")) else { return };
    let table = bench.succeed(&["plugin", "check", library.to_str().unwrap()]);
    assert!(table.contains("example.c-shrink") && !table.contains("FAILED"), "{table}");
    let own = ["--slices", "0", "--plugin-dir", "plugins", "--set", r#"prior={"id":"example.c-shrink"}"#];
    let results = bench.recon("lrtv", "out", &own);
    assert!(results["mean"]["tsmi_nrmse"].as_f64().unwrap().is_finite());
    let provenance = bench.json("out/vol0_slice0/provenance.json");
    assert_eq!(provenance["plugins"][1]["id"], "example.c-shrink");
    let error = bench.fail(
        1,
        &[
            "recon",
            "--dataset",
            "data",
            "--cut",
            "4",
            "--method",
            "lrtv",
            "--out",
            "none",
            "--set",
            r#"prior={"id":"example.c-shrink"}"#,
        ],
    );
    assert!(error.contains("example.c-shrink"), "without --plugin-dir there is no such prior: {error}");
}

#[test]
fn what_a_plugin_says_is_heard_with_verbose() {
    let bench = Bench::with_data();
    let Some(_) = build_c_plugin("example_plugin", &bench.path("plugins")) else { return };
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--slices", "0", "--out", "out"];
    let own = ["--force", "--plugin-dir", "plugins", "--set", "prior.id=example.c-shrink"];
    let words = [&words[..], &own, &["--set", "solver.fista.iterations=2"]].concat();
    let heard = |more: &[&str]| {
        let output = bench.run(&[&words[..], more].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{error}");
        error.contains("info: example.c-shrink: created in C")
    };
    assert!(!heard(&[]) && heard(&["--verbose"]));
    #[cfg(unix)]
    assert!(heard(&["-v", "--isolate"]));
}

#[test]
fn what_is_no_plugin_is_named() {
    let bench = Bench::new();
    std::fs::write(bench.path("notes.so"), "not a library").unwrap();
    let error = bench.fail(3, &["plugin", "check", "notes.so"]);
    assert!(error.contains("notes.so") && error.contains("shared library"), "{error}");
    let error = bench.fail(3, &["plugin", "check", "absent.so"]);
    assert!(error.contains("absent.so"), "{error}");
}

/// The interface is one of C, not of the compiler that the others came from.
#[test]
fn a_plugin_of_another_compiler_keeps_the_laws() {
    let bench = Bench::new();
    let Some(library) = build_with("clang", "lab_plugin", &bench.path("plugins")) else { return };
    let words = bench.succeed(&["plugin", "check", library.to_str().unwrap()]);
    for part in ["lab.dft", "lab.shrink", "lab.match"] {
        assert!(words.contains(part), "{words}");
    }
}

/// `None`, with a line that says so, where there is no C compiler.
pub fn build_c_plugin(source: &str, directory: &Path) -> Option<PathBuf> {
    build_with("cc", source, directory)
}

fn build_with(compiler: &str, source: &str, directory: &Path) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::create_dir_all(directory).unwrap();
    let library = directory.join(format!("{DLL_PREFIX}{source}{DLL_SUFFIX}"));
    let built = Command::new(compiler)
        .args(["-std=c11", "-O2", "-fPIC", "-shared", "-I"])
        .arg(root.join("plugins/abi/include"))
        .arg(root.join(format!("tests/fixtures/c/{source}.c")))
        .args(["-lm", "-o"])
        .arg(&library)
        .status();
    match built {
        Ok(status) => {
            assert!(status.success());
            Some(library)
        }
        Err(_) => {
            eprintln!("skipped: no C compiler `{compiler}` present");
            None
        }
    }
}
