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
    for words in [&[&RECON[..], &["--slices", "1"]].concat()[..], &simulate, &dictionary, &train] {
        let error = refused(&bench, "-f 8", words, "ulimit -f");
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
