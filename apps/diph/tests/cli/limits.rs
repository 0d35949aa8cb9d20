//! Limits of the system: sizes of files, numbers of open files, full disks. An error in words, and what was finished stays.

use std::process::Output;

use crate::bench::{Bench, files};

/// Runs the program below a limit of the shell's `ulimit`.
fn limited(bench: &Bench, limit: &str, words: &[&str]) -> Output {
    let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_diph")]).args(words).current_dir(bench.path(""));
    command.output().unwrap()
}

/// The words of a run that must end in an error of its own, rather than by a signal.
fn refused(bench: &Bench, limit: &str, words: &[&str], said: &str) -> String {
    let output = limited(bench, limit, words);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(matches!(output.status.code(), Some(1..=3)), "{words:?}: {}: {error}", output.status);
    assert!(error.contains(said) && error.lines().last().unwrap().starts_with("error: "), "{words:?}: {error}");
    error
}

const RECON: [&str; 9] = ["recon", "--dataset", "data", "--cut", "4", "--method", "svd-mrf", "--out", "out"];

#[test]
fn a_file_beyond_the_limit_is_named_and_what_was_finished_stays() {
    let bench = Bench::with_data();
    bench.succeed(&[&RECON[..], &["--slices", "0"]].concat());
    let finished = files(&bench.path("out"));
    // Every writer: results, data sets, dictionaries, networks.
    let simulate = ["simulate", "--phantom", "40x36", "--cut", "4", "--samples", "300", "--out", "more"];
    let dictionary = ["dictionary", "--sequence", "fisp", "--cut", "4", "--out", "dictionary.npz"];
    let tiny = [
        "training.model.unet.image_size=32",
        "training.model.unet.model_channels=32",
        "training.model.unet.channel_mult=[1,1]",
        "training.model.unet.attention_resolutions=[]",
    ]
    .map(|setting| ["--set", setting]);
    let train = ["train", "--phantom", "32", "--steps", "1", "--condition", "none", "--out", "trained"];
    let train = [&train[..], &tiny.concat()].concat();
    let export = ["export", "out", "--voxel-size", "1x1x5", "--out", "exported"];
    for words in [&[&RECON[..], &["--slices", "1"]].concat()[..], &simulate, &dictionary, &train, &export] {
        let error = refused(&bench, if words[0] == "export" { "-f 1" } else { "-f 8" }, words, "ulimit -f");
        assert!(error.contains("cannot write"), "{error}");
    }
    assert_eq!(files(&bench.path("out")), finished, "nothing is lost, and nothing half is left");
    bench.succeed(&[&RECON[..], &["--slices", "1"]].concat());
}

#[test]
fn too_many_open_files_are_an_error_in_words() {
    let bench = Bench::with_data();
    // Standard streams and what the program itself keeps open leave hardly any.
    refused(&bench, "-n 5", &RECON, "Too many open files");
    assert!(!bench.path("out/vol0_slice0").exists());
}

#[test]
fn a_full_disk_under_standard_output_is_an_error() {
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        eprintln!("skipped: no /dev/full present");
        return;
    };
    let output = Bench::new().command(&["plugin", "list"]).stdout(full).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && error.contains("No space left"), "{}: {error}", output.status);
}

/// Nobody writes to the pipe: a program that opens it waits for ever, and no first signal ends that.
#[test]
fn pipes_are_refused_and_not_waited_for() {
    let bench = Bench::with_data();
    let made = std::process::Command::new("mkfifo").arg("pipe").current_dir(bench.path("")).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no mkfifo present");
        return;
    }
    for name in ["pipe.npz", "pipe.mat", "pipe.h5", "pipe.cfl", "pipe.pt", "pipe.json", "pipe.safetensors"] {
        std::os::unix::fs::symlink("pipe", bench.path(name)).unwrap();
    }
    std::fs::write(bench.path("pipe.hdr"), "# Dimensions\n4 4 1\n").unwrap();
    let recon = |flag, value| [&RECON[..], &[flag, value]].concat();
    for words in [
        vec!["info", "pipe"],
        vec!["info", "pipe.h5"],
        vec!["info", "pipe.cfl"],
        vec!["convert", "array", "pipe.npz", "out.npy"],
        vec!["convert", "dictionary", "pipe.mat", "out.npz"],
        vec!["convert", "checkpoint", "pipe.pt", "out.safetensors"],
        vec!["convert", "checkpoint", "pipe.safetensors", "out.safetensors"],
        recon("--trajectory", "pipe.npz"),
        recon("--dictionary", "pipe.mat"),
        recon("--sequence", "pipe.json"),
        recon("--coil-maps", "pipe.npz"),
        recon("--set", r#"prior={"id":"diph.diffusion","options":{"checkpoint":"pipe.safetensors"}}"#),
        vec!["recon", "--kspace", "pipe.h5", "--method", "svd-mrf", "--out", "out"],
        vec!["recon", "--dataset", "data", "--cut", "4", "--method", "pipe.json", "--out", "out"],
        vec!["evaluate", "--dataset", "data", "--results", "pipe.npz"],
        vec!["plugin", "list", "--locked=pipe"],
    ] {
        let mut command = std::process::Command::new("timeout");
        command.args(["--signal=KILL", "60", env!("CARGO_BIN_EXE_diph")]).args(&words).current_dir(bench.path(""));
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(1..=3)), "{words:?}: {}: {error}", output.status);
        assert!(error.contains("pipe"), "{words:?}: {error}");
    }
}
