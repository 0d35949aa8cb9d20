//! What the pages say about plugins: the commands of `docs/tutorial-plugin.md` in their order, and the prior of the README.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench::Bench;

/// What stands in the blocks of a page, from the source tree, that are marked with this language.
fn blocks(page: &str, language: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let text = fs::read_to_string(page).unwrap();
    let fence = format!("```{language}\n");
    let blocks = text.split(&fence).skip(1);
    blocks.filter_map(|block| Some(block.split_once("```")?.0)).collect()
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn the_commands_of_the_plugin_tutorial_run() {
    if let Some(missing) = ["bash", "cc", "make"].into_iter().find(|program| !is_there(program)) {
        return println!("skipped: `{missing}` not present");
    }
    let script = blocks("docs/tutorial-plugin.md", "sh");
    assert!(script.contains("diph compare"), "the page has its blocks");
    let bench = Bench::new();
    let programs = Path::new(env!("CARGO_BIN_EXE_diph")).parent().unwrap().to_owned();
    let others = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let path = env::join_paths([programs].into_iter().chain(others)).unwrap();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .env("PATH", path)
        .current_dir(bench.path("."))
        .output()
        .unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{error}");
    assert!(!said.contains("FAILED") && !error.contains("warning"), "{said}\n{error}");

    let table = fs::read_to_string(bench.path("compared/comparison.md")).unwrap();
    for method in ["| lrtv |", "| haar |"] {
        assert!(table.contains(method), "{table}");
    }
    let provenance = bench.json("locked/vol0_slice0/provenance.json");
    assert!(provenance["plugins"].to_string().contains("libhaar.so"), "{provenance}");
}

#[test]
fn the_prior_of_the_readme_passes_every_law() {
    let bench = Bench::new();
    fs::write(bench.path("ridge.c"), blocks("README.md", "c")).unwrap();
    let built = Command::new("cc")
        .args([
            "-std=c99",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Werror",
            "-shared",
            "-fPIC",
            "ridge.c",
            "-o",
            "libridge.so",
            "-I",
        ])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/abi/include"))
        .current_dir(bench.path("."))
        .status();
    let Ok(built) = built else { return println!("skipped: no C compiler present") };
    assert!(built.success());
    let table = bench.succeed(&["plugin", "check", "libridge.so"]);
    assert!(table.contains("lab.ridge") && !table.contains("FAILED"), "{table}");
}
