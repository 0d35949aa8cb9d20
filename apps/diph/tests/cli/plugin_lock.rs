//! `diph plugin lock` and `--locked`: what was looked at is opened, and nothing else; and what is never opened.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::bench::Bench;
use crate::plugins::build_c_plugin;

const PRIOR: [&str; 4] = ["--set", "solver.fista.iterations=2", "--set", r#"prior={"id":"example.c-shrink"}"#];

#[test]
fn a_lock_opens_what_it_lists_and_nothing_else() {
    let bench = Bench::with_data();
    let Some(library) = build_c_plugin("example_plugin", &bench.path("plugins")) else { return };
    let said = bench.succeed(&["plugin", "lock", "--plugin-dir", "plugins"]);
    assert!(said.contains("example.c-shrink 1.2.3"), "{said}");
    let lock = bench.json("plugins.lock");
    let locked = &lock["libraries"][0];
    assert_eq!(locked["path"], library.canonicalize().unwrap().to_str().unwrap());
    assert_eq!((locked["sha256"].as_str().unwrap().len(), locked["components"].as_array().unwrap().len()), (64, 2));

    let own = |more: &[&'static str]| [&["--slices", "0", "--plugin-dir", "plugins"], &PRIOR[..], more].concat();
    bench.recon("lrtv", "locked", &own(&["--locked"]));

    // A library that came later, and one that has changed, do not get to run.
    let other = bench.path("plugins").join(format!("{DLL_PREFIX}other{DLL_SUFFIX}"));
    fs::write(&other, [fs::read(&library).unwrap(), vec![0]].concat()).unwrap();
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", "out"];
    let error = bench.fail(2, &[&words[..], &own(&["--locked"])].concat());
    assert!(error.contains("--locked") && error.contains("not in the lock") && error.contains("other"), "{error}");
    fs::rename(&other, &library).unwrap();
    for command in ["recon", "sweep", "compare"] {
        let method = if command == "recon" { ["--method", "lrtv"] } else { ["--methods", "lrtv"] };
        let range: &[&str] = if command == "sweep" { &["--set-range", "solver.fista.lambda=0.01"] } else { &[] };
        let words = [
            &[command, "--dataset", "data", "--vols", "0", "--slices", "0", "--cut", "4", "--out", "out"],
            &method[..],
            range,
        ];
        let error =
            bench.fail(2, &[&words.concat()[..], &["--plugin-dir", "plugins", "--locked=plugins.lock"]].concat());
        assert!(error.contains("has changed since it was locked"), "{command}: {error}");
    }
    let error = bench.fail(
        2,
        &[
            "train",
            "--recipe",
            "standard",
            "--acquisition",
            "data",
            "--dataset",
            "data",
            "--vols",
            "0",
            "--out",
            "run",
            "--plugin-dir",
            "plugins",
            "--locked",
        ],
    );
    assert!(error.contains("has changed since it was locked"), "train: {error}");
    let error = bench.fail(3, &["plugin", "check", library.to_str().unwrap(), "--locked"]);
    assert!(error.contains("has changed since it was locked"), "check: {error}");

    bench.succeed(&["plugin", "lock", "--plugin-dir", "plugins"]);
    bench.recon("lrtv", "again", &own(&["--locked"]));
    fs::write(bench.path("plugins.lock"), "mine").unwrap();
    let error = bench.fail(2, &["plugin", "lock", "--plugin-dir", "plugins"]);
    assert!(error.contains("plugins.lock") && error.contains("--force"), "{error}");
    let error = bench.fail(3, &["plugin", "list", "--locked"]);
    assert!(error.contains("plugins.lock"), "{error}");
    let error = bench.fail(3, &["plugin", "list", "--locked=absent.lock"]);
    assert!(error.contains("absent.lock"), "{error}");
}

/// A library whose constructor leaves a mark: code that must not run when it is refused.
#[test]
fn code_of_a_refused_library_does_not_run() {
    let bench = Bench::new();
    fs::create_dir(bench.path("plugins")).unwrap();
    fs::write(bench.path("plugins.lock"), r#"{"libraries": []}"#).unwrap();
    let source = "#include <stdio.h>\n#include \"diph_plugin.h\"\n\
        __attribute__((constructor)) static void mark(void) { FILE *f = fopen(\"mark\", \"w\"); if (f) fclose(f); }\n\
        DIPH_EXPORT const diph_entry diph_plugin_entry = {1, 0, sizeof(diph_entry), 0, 0, 0};\n";
    fs::write(bench.path("mark.c"), source).unwrap();
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "mark.c", "-o", &format!("plugins/{DLL_PREFIX}mark{DLL_SUFFIX}"), "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/abi/include"))
        .current_dir(bench.path("."))
        .status();
    let Ok(built) = built else { return eprintln!("skipped: no C compiler present") };
    assert!(built.success());
    bench.fail(2, &["plugin", "list", "--plugin-dir", "plugins", "--locked"]);
    assert!(!bench.path("mark").exists());
    bench.run(&["plugin", "list", "--plugin-dir", "plugins"]);
    assert!(bench.path("mark").exists(), "without --locked it is opened");
}

/// A stranger's part in the place of one that comes with Diph is announced once, also where nothing else is said.
#[test]
fn a_part_that_takes_the_place_of_another_is_announced_once() {
    let bench = Bench::with_data();
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/c/example_plugin.c"))
            .unwrap();
    fs::create_dir(bench.path("plugins")).unwrap();
    fs::write(bench.path("own.c"), source.replace("example.c-shrink", "diph.total-variation")).unwrap();
    let built = Command::new("cc")
        .args(["-std=c11", "-shared", "-fPIC", "own.c", "-o", &format!("plugins/{DLL_PREFIX}own{DLL_SUFFIX}"), "-I"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/abi/include"))
        .arg("-lm")
        .current_dir(bench.path("."))
        .status();
    let Ok(built) = built else { return eprintln!("skipped: no C compiler present") };
    assert!(built.success());
    for mode in ["--quiet", "--json"] {
        let words = [
            mode,
            "recon",
            "--dataset",
            "data",
            "--cut",
            "4",
            "--method",
            "lrtv",
            "--plugin-dir",
            "plugins",
            "--out",
            &mode[2..],
        ];
        let run = bench.run(
            &[&words[..], &["--set", "solver.fista.iterations=2", "--set", r#"prior={"id":"diph.total-variation"}"#]]
                .concat(),
        );
        let error = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{error}");
        assert_eq!(error.matches("in place of the part that comes with Diph").count(), 1, "{mode}: {error}");
    }
}

#[test]
fn hidden_files_and_test_fixtures_are_not_listed() {
    let bench = Bench::new();
    let Some(library) = build_c_plugin("example_plugin", &bench.path("plugins")) else { return };
    let hidden = library.with_file_name(format!(".{}", library.file_name().unwrap().to_string_lossy()));
    fs::rename(library, hidden).unwrap();
    let listed = bench.succeed(&["plugin", "list", "--plugin-dir", "plugins"]);
    assert!(listed.contains("diph.mrf-nufft"), "{listed}");
    assert!(!listed.contains("example.") && !listed.contains("fixture.") && !listed.contains("lab."), "{listed}");
}
