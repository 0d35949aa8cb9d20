//! `diph plugin check` and runs on plugins with deliberate faults: each is found by the law that it breaks, or named with the
//! function in which it ended the process; nothing hangs and nothing takes the program along.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::Bench;

pub const PRIOR: &str = "-DKIND=DIPH_KIND_PRIOR";
const PROJECTOR: &str = "-DKIND=DIPH_KIND_PHYSICS_PROJECTOR";

/// The plugin with a fault; `None`, with a line that says so, where there is no C compiler.
pub fn build(fault: &str, defines: &[&str], directory: &Path) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::create_dir_all(directory).unwrap();
    let library = directory.join(format!("{DLL_PREFIX}{fault}{DLL_SUFFIX}"));
    let built = Command::new("cc")
        .args(["-std=gnu11", "-O1", "-fPIC", "-shared", "-I"])
        .arg(root.join("plugins/abi/include"))
        .arg(format!("-DFAULT={fault}"))
        .args(defines)
        .arg(root.join("tests/fixtures/c/faulty_parts.c"))
        .args(["-lm", "-o"])
        .arg(&library)
        .status();
    match built {
        Ok(status) => {
            assert!(status.success(), "{fault}");
            Some(library)
        }
        Err(_) => {
            eprintln!("skipped: no C compiler present");
            None
        }
    }
}

/// The table that a check prints, and whether every law held.
fn check(bench: &Bench, library: &Path, more: &[&str]) -> (String, bool) {
    let words = ["plugin", "check", library.to_str().unwrap(), "--time-out", "2"];
    let output = bench.run(&[&words[..], more].concat());
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    match output.status.code() {
        Some(0) => (text, true),
        Some(4) => (text, false),
        other => panic!("{}: exit code {other:?}: {text}", library.display()),
    }
}

/// Each fault is found by its law, whose line in the table says `FAILED`.
fn found(defines: &[&str], faults: &[(&str, &str)]) {
    let bench = Bench::new();
    let Some(whole) = build("none", defines, &bench.path("none")) else { return };
    let (table, passed) = check(&bench, &whole, &[]);
    assert!(passed, "the plugin without a fault: {table}");
    for (fault, law) in faults {
        let library = build(fault, defines, &bench.path(fault)).unwrap();
        let (table, passed) = check(&bench, &library, &[]);
        let failed = |line: &&str| line.trim_start().starts_with(law) && line.contains("FAILED");
        assert!(!passed && table.lines().any(|line| failed(&line)), "{fault} passes `{law}`:\n{table}");
    }
}

#[test]
fn faults_of_operators_are_found_by_their_laws() {
    found(
        &[],
        &[
            ("no_conjugate", "adjointness"),
            ("scale", "adjointness"),
            ("shift", "adjointness"),
            ("normal", "normal = adjoint of forward"),
            ("race", "thread safety"),
            ("adds", "finite results"),
            ("last_missing", "finite results"),
            ("nan_at_zero", "zeros give zeros"),
            ("random", "determinism"),
            ("overrun", "finite results"),
            ("overrun_page", "finite results"),
            ("overrun_image", "finite results"),
            ("writes_input", "finite results"),
            ("keeps_array", "finite results"),
            ("any_shape", "the plugin itself refuses a wrong shape"),
            ("leaks_in_calls", "calls leave no memory behind"),
            ("leaks_instances", "instances leave no memory behind"),
            ("leaves_the_folder", "the working directory stays as it was"),
            ("any_option", "an unknown option is refused"),
            ("weights_ignored", "weights are those that it tells"),
            ("weights_untold", "weights are those that it tells"),
            ("huge", "small enough to try"),
        ],
    );
}

#[test]
fn faults_of_priors_are_found_by_their_laws() {
    found(
        &[PRIOR],
        &[
            ("writes_nothing", "finite results"),
            ("last_missing", "finite results"),
            ("nan_at_zero", "an image of zeros is no trouble"),
            ("nan_without_noise", "no noise is no trouble"),
            ("race", "thread safety"),
            ("overrun", "finite results"),
            ("any_shape", "the plugin itself refuses a wrong shape"),
            ("leaks_in_calls", "calls leave no memory behind"),
        ],
    );
}

#[test]
fn faults_of_projectors_are_found_by_their_laws() {
    found(
        &[PROJECTOR],
        &[
            ("no_maps", "same result with maps"),
            ("amplitude", "result = amplitude x response(values)"),
            ("any_shape", "the plugin itself refuses a wrong shape"),
            ("leaks_in_calls", "calls leave no memory behind"),
        ],
    );
}

#[test]
fn faults_of_estimators_are_found_by_their_laws() {
    found(
        &["-DKIND=DIPH_KIND_ESTIMATOR"],
        &[
            ("last_missing", "finite results"),
            ("writes_input", "inputs stay untouched"),
            ("random", "determinism"),
            ("any_shape", "the plugin itself refuses a wrong shape"),
            ("leaks_in_calls", "calls leave no memory behind"),
        ],
    );
}

/// Flushing denormal numbers to zero would change every result that is computed on the same thread afterwards.
#[cfg(target_arch = "x86_64")]
#[test]
fn a_changed_mode_of_rounding_is_found() {
    found(&[], &[("flushes_denormals", "finite results")]);
    found(&[PRIOR], &[("flushes_denormals", "finite results")]);
}

#[test]
fn what_a_plugin_prints_is_a_warning() {
    let bench = Bench::new();
    let Some(library) = build("prints", &[], &bench.path("prints")) else { return };
    let (table, passed) = check(&bench, &library, &[]);
    assert!(passed && table.contains(r#"warning: it prints ("hello from a plugin")"#), "{table}");
}

#[test]
fn likely_causes_are_named() {
    let bench = Bench::new();
    for (fault, cause) in [
        ("no_conjugate", "another one in every draw: a conjugate"),
        ("scale", "the adjoint lacks a factor of 0.1250"),
        ("shift", "shifted by"),
    ] {
        let Some(library) = build(fault, &[], &bench.path(fault)) else { return };
        let (table, _) = check(&bench, &library, &[]);
        assert!(table.contains(cause), "{fault}: {table}");
    }
    let Some(library) = build("expands", &[PRIOR], &bench.path("expands")) else { return };
    let (table, passed) = check(&bench, &library, &[]);
    assert!(passed && table.contains("warning: it can move two images 1.49 times apart"), "{table}");
}

#[test]
fn a_plugin_that_ends_the_process_is_named_with_its_function() {
    let bench = Bench::new();
    for (fault, place, manner) in [
        ("segv", "`forward`", "SIGSEGV"),
        ("abort", "`forward`", "SIGABRT"),
        ("exit", "`forward`", "exit(0)"),
        ("quick_exit", "`forward`", "exit(0)"),
        ("loop", "`forward`", "no answer after 2 s"),
        ("all_memory", "`forward`", "SIGSEGV"),
        ("loop_in_create", "`create`", "no answer after 2 s"),
        ("loop_in_init", "`init`", "no answer after 2 s"),
        ("segv_in_init", "`init`", "SIGSEGV"),
        ("segv_at_the_end", "`destroy`", "SIGSEGV"),
        ("exit_in_constructor", "`its constructors`", "exit(0)"),
    ] {
        let Some(library) = build(fault, &[], &bench.path(fault)) else { return };
        let (table, passed) = check(&bench, &library, &[]);
        assert!(!passed && table.contains(place) && table.contains(manner), "{fault}: {table}");
    }
}

#[test]
fn what_is_no_plugin_by_the_header_is_refused() {
    let bench = Bench::new();
    for (fault, define, said) in [
        ("init_fails", "-DUNUSED", "no licence"),
        ("nothing_created", "-DUNUSED", "vtable"),
        ("none", r#"-DID="Bad Id!""#, "such as `lab.my-prior`"),
        ("none", r#"-DSCHEMA="42""#, "expected a JSON schema"),
        ("none", r#"-DSCHEMA="{}""#, "expected a JSON schema"),
    ] {
        let Some(library) = build(fault, &[define], &bench.path(fault)) else { return };
        let output = bench.run(&["plugin", "check", library.to_str().unwrap()]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(said), "{fault} {define}: {text}");
    }
}

/// The library keeps every law and differs from `lab.trusted`, from which one without a fault does not.
fn differs(bench: &Bench, library: &Path, defines: &[&str]) {
    let trusted = ["--plugin-dir", "trusted", "--against", "lab.trusted"];
    let (table, passed) = check(bench, &build("none", defines, &bench.path("whole")).unwrap(), &trusted);
    assert!(passed && table.contains("agrees with the other component"), "{table}");
    let (table, passed) = check(bench, library, &trusted);
    let failed = |line: &&str| line.contains("agrees with the other component") && line.contains("FAILED");
    let is_measured = |line: &&str| !line.contains(" - <=");
    assert!(!passed && table.lines().filter(is_measured).any(|line| failed(&line)), "{table}");
}

/// A shift in forward and adjoint alike keeps every law; beside a part that does the same it shows.
#[test]
fn a_consistent_shift_shows_beside_another_operator() {
    let bench = Bench::new();
    let Some(library) = build("shift_both", &[], &bench.path("own")) else { return };
    let (table, passed) = check(&bench, &library, &[]);
    assert!(passed, "{table}");
    let id = r#"-DID="lab.trusted""#;
    build("none", &[id], &bench.path("trusted")).unwrap();
    differs(&bench, &library, &[]);
}

/// Maps in other units keep every law, since the response may be anything; beside a part that does the same they show.
#[test]
fn maps_in_other_units_show_beside_another_projector() {
    let bench = Bench::new();
    let Some(library) = build("other_units", &[PROJECTOR], &bench.path("own")) else { return };
    let (table, passed) = check(&bench, &library, &[]);
    assert!(passed, "{table}");
    build("none", &[PROJECTOR, r#"-DID="lab.trusted""#], &bench.path("trusted")).unwrap();
    differs(&bench, &library, &[PROJECTOR]);
}

#[test]
fn a_run_that_a_plugin_ends_says_so_and_keeps_what_is_finished() {
    let bench = Bench::with_data();
    for (fault, said) in [("segv", "SIGSEGV"), ("exit", "exit status: 0"), ("quick_exit", "exit status: 0")] {
        let Some(_) = build(fault, &[PRIOR], &bench.path(fault)) else { return };
        let own = ["--plugin-dir", fault, "--set", r#"prior={"id":"lab.faulty"}"#];
        let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", fault];
        let error = bench.fail(1, &[&words[..], &own].concat());
        assert!(error.contains("`lab.faulty`") && error.contains("`denoise`"), "{error}");
        assert!(error.contains("lrtv vol0_slice0") && error.contains(said), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn what_others_could_have_written_is_not_opened() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let Some(library) = build("none", &[], &bench.path("plugins")) else { return };
    std::fs::set_permissions(&library, std::fs::Permissions::from_mode(0o777)).unwrap();
    let list = |more: &[&str]| bench.run(&[&["plugin", "list", "--plugin-dir", "plugins"], more].concat());
    let refused = list(&[]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(words.contains("may be written by everybody") && words.contains("--allow-untrusted-plugins"), "{words}");
    assert!(!String::from_utf8_lossy(&refused.stdout).contains("lab.faulty"));
    let allowed = list(&["--allow-untrusted-plugins"]);
    assert!(String::from_utf8_lossy(&allowed.stdout).contains("lab.faulty"));
}

/// Opening a pipe waits for somebody who writes; nobody does.
#[cfg(unix)]
#[test]
fn a_pipe_with_the_name_of_a_library_hangs_nothing() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path("plugins")).unwrap();
    let made = Command::new("mkfifo").arg(bench.path("plugins/pipe.so")).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mkfifo present");
        return;
    }
    let output = bench.run(&["plugin", "list", "--plugin-dir", "plugins"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("not a regular file"));
}
