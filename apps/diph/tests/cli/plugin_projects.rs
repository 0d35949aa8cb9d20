//! `diph plugin new`: every project builds as it is, passes every law, and reconstructs.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::{Bench, files};

const KINDS: [&str; 4] = ["forward-operator", "prior", "physics-projector", "estimator"];

/// Writes the four projects of a language, builds each, tries every law on it and reconstructs with all four at once. `build` makes
/// the library of the project in a folder; `None` where something is missing that it needs.
fn try_language(language: &str, more: &[&str], build: impl Fn(&Path) -> Option<PathBuf>) {
    let bench = Bench::new();
    fs::create_dir(bench.path("plugins")).unwrap();
    for kind in KINDS {
        let id = format!("lab.{language}-{kind}");
        let new = ["plugin", "new", &id, "--lang", language, "--kind", kind, "--out", kind];
        let said = bench.succeed(&[&new[..], more].concat());
        assert!(said.contains(&id) && said.contains("diph plugin check"), "{said}");
        let Some(library) = build(&bench.path(kind)) else { return };
        let table = bench.succeed(&["plugin", "check", library.to_str().unwrap()]);
        assert!(table.contains(&id) && table.contains("determinism") && !table.contains("FAILED"), "{table}");
        fs::copy(&library, bench.path("plugins").join(library.file_name().unwrap())).unwrap();
    }
    bench.succeed(&["simulate", "--phantom", "24x20", "--cut", "4", "--samples", "100", "--out", "data"]);
    let part = |key: &str, kind: &str| format!(r#"{key}={{"id":"lab.{language}-{kind}"}}"#);
    let parts =
        [part("operator", KINDS[0]), part("prior", KINDS[1]), part("projector", KINDS[2]), part("estimator", KINDS[3])];
    let sets = parts.iter().flat_map(|part| ["--set", part]);
    let own = ["--plugin-dir", "plugins", "--set", "solver.fista.iterations=3"];
    let results = bench.recon("lrtv", "out", &own.into_iter().chain(sets).collect::<Vec<_>>());
    assert!(results["mean"]["t1_mape_percent"].as_f64().unwrap() < 60.0, "{results}");
    let provenance = bench.json("out/vol0_slice0/provenance.json");
    for (plugin, kind) in provenance["plugins"].as_array().unwrap().iter().zip(KINDS) {
        assert_eq!(plugin["id"], format!("lab.{language}-{kind}"));
        assert_ne!(plugin["library"], "built in");
    }
}

/// Runs a command in a folder; `None`, with a line that says so, where there is no such program.
fn run(folder: &Path, program: &str, words: &[&str]) -> Option<bool> {
    let Ok(output) = Command::new(program).args(words).current_dir(folder).output() else {
        println!("skipped: `{program}` not present");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        println!("{program} {words:?} in {}: {said}", folder.display());
    }
    Some(output.status.success())
}

/// The library that a build has left in the folder.
fn library_in(folder: &Path) -> PathBuf {
    let is_library = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(DLL_PREFIX) && name.ends_with(DLL_SUFFIX)
    };
    folder.join(
        files(folder).into_iter().find(is_library).unwrap_or_else(|| panic!("no library in {}", folder.display())),
    )
}

fn make(folder: &Path, flags: &str) -> Option<PathBuf> {
    assert!(run(folder, "make", &[flags])?, "make failed");
    Some(library_in(folder))
}

#[test]
fn projects_in_c_build_check_and_reconstruct() {
    try_language("c", &[], |folder| make(folder, "CFLAGS=-O2 -Wall -Wextra -Wpedantic -Werror"));
}

#[test]
fn projects_in_cpp_build_check_and_reconstruct() {
    try_language("cpp", &[], |folder| make(folder, "CXXFLAGS=-O2 -Wall -Wextra -Wpedantic -Werror"));
}

/// One target folder for all, which stays: what they depend on is compiled once.
#[test]
fn projects_in_rust_build_check_and_reconstruct() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugin-projects");
    try_language("rust", &["--sdk", root.to_str().unwrap()], |folder| {
        // The versions that are on this machine already.
        fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let output = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".into()))
            .args(["build", "--offline", "--target-dir"])
            .arg(&target)
            .env("RUSTFLAGS", "--deny warnings")
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let kind = folder.file_name().unwrap().to_string_lossy().replace('-', "_");
        Some(target.join("debug").join(format!("{DLL_PREFIX}rust_{kind}{DLL_SUFFIX}")))
    });
}

/// Four libraries that bring one interpreter with them, in one process. Needs a Python with numpy and a shared library of its own;
/// `PYTHON` names it where it is not the first of the path.
#[test]
fn projects_in_python_build_check_and_reconstruct() {
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    try_language("python", &[], |folder| match run(folder, &python, &["build.py"])? {
        true => Some(library_in(folder)),
        false => {
            println!("skipped: this Python builds no plugins");
            None
        }
    });
}

#[test]
fn what_a_project_needs_is_said_before_anything_is_written() {
    let bench = Bench::new();
    let new = |more: &[&'static str]| [&["plugin", "new", "--kind", "prior"], more].concat();
    let error = bench.fail(2, &new(&["Bad Name", "--lang", "c"]));
    assert!(error.contains("NAME") && error.contains("lab.my-prior"), "{error}");
    let error = bench.fail(2, &new(&["mine", "--lang", "c", "--sdk", "/x"]));
    assert!(error.contains("--sdk") && error.contains("--lang rust"), "{error}");
    let error = bench.fail(2, &new(&["mine", "--lang", "rust"]));
    assert!(error.contains("--sdk") && error.contains("plugins/sdk"), "{error}");
    let error = bench.fail(2, &new(&["mine", "--lang", "rust", "--sdk", "absent"]));
    assert!(error.contains("got absent"), "{error}");
    assert!(!bench.path("mine").exists());

    bench.succeed(&new(&["mine", "--lang", "rust", "--sdk", "https://example.org/diph.git"]));
    let manifest = fs::read_to_string(bench.path("mine/Cargo.toml")).unwrap();
    assert!(manifest.contains(r#"diph-plugin-sdk = { git = "https://example.org/diph.git" }"#), "{manifest}");

    // Work of somebody's is not replaced, and nothing is written beside it.
    bench.succeed(&new(&["own.other", "--lang", "c"]));
    bench.succeed(&new(&["own.other", "--lang", "c"]));
    fs::write(bench.path("other/other.c"), "mine").unwrap();
    fs::remove_file(bench.path("other/Makefile")).unwrap();
    let error = bench.fail(2, &new(&["own.other", "--lang", "c"]));
    assert!(error.contains("other.c") && error.contains("--force"), "{error}");
    assert!(!bench.path("other/Makefile").exists());
    bench.succeed(&new(&["own.other", "--lang", "c", "--force"]));
    assert!(fs::read_to_string(bench.path("other/other.c")).unwrap().contains("own.other"));
}
