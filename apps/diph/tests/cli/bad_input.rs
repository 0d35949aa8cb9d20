//! Bad input: an error that names file, key and expectation, an exit code that says whose fault it is, and no partial output.

use std::fs;

use diph_datasets::{DatasetFolder, SliceId, TrajectoryFile};
use diph_formats::NpzWriter;
use ndarray::{Array2, Array3, Array4, ArrayD};
use num_complex::Complex32;

use crate::bench::{Bench, files};

const RECON: [&str; 10] =
    ["recon", "--dataset", "data", "--cut", "4", "--method", "svd-mrf", "--out", "out", "--slices"];

/// A broken input file must end the reconstruction of slice 0 with code 3 and these words, and leave nothing behind.
fn expect(bench: &Bench, words: &[&str]) {
    let error = bench.fail(3, &[&RECON[..], &["0"]].concat());
    for word in words {
        assert!(error.contains(word), "`{word}` is missing in: {error}");
    }
    assert!(!bench.path("out").exists() || files(&bench.path("out")).is_empty(), "partial output after: {error}");
}

fn kspace(bench: &Bench) -> std::path::PathBuf {
    DatasetFolder::new(bench.path("data")).kspace_path(SliceId::new(0, 0), 4)
}

fn maps(bench: &Bench) -> std::path::PathBuf {
    DatasetFolder::new(bench.path("data")).maps_path(SliceId::new(0, 0))
}

#[test]
fn k_space_files() {
    let bench = Bench::with_data();
    let path = kspace(&bench);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    expect(&bench, &["ksp_vol0_slice0_cut4.npz", "not a valid .npz file"]);

    NpzWriter::new().with("kspace", Array4::<Complex32>::zeros((1, 1, 100, 300)).view()).write(&path).unwrap();
    expect(&bench, &["ksp_vol0_slice0_cut4.npz", "no key `y`", "`kspace`"]);

    NpzWriter::new().with("y", Array2::<Complex32>::zeros((100, 300)).view()).write(&path).unwrap();
    expect(&bench, &["key `y`", "(coil, frame, sample)", "[100, 300]"]);

    NpzWriter::new().with("y", Array4::<Complex32>::zeros((1, 1, 90, 300)).view()).write(&path).unwrap();
    expect(&bench, &["ksp_vol0_slice0_cut4.npz", "(1, 100, 300)", "(1, 90, 300)"]);

    let mut poisoned = Array4::<Complex32>::ones((1, 1, 100, 300));
    poisoned[[0, 0, 7, 9]].im = f32::NAN;
    NpzWriter::new().with("y", poisoned.view()).write(&path).unwrap();
    expect(&bench, &["key `y`", "NaN", "[0, 7, 9]"]);
}

#[test]
fn maps_and_masks() {
    let bench = Bench::with_data();
    let folder = DatasetFolder::new(bench.path("data"));
    let id = SliceId::new(0, 0);
    folder.write_mask(id, 0.006, &ArrayD::from_elem(vec![40, 36], false)).unwrap();
    expect(&bench, &["mask_vol0_slice0_th0.006.npz", "mask is empty"]);
    folder.write_mask(id, 0.006, &ArrayD::from_elem(vec![30, 20], true)).unwrap();
    expect(&bench, &["mask_vol0_slice0_th0.006.npz", "key `mask`", "[40, 36]", "[30, 20]"]);
    NpzWriter::new().with("qmaps", Array3::<f32>::zeros((3, 40, 36)).view()).write(maps(&bench)).unwrap();
    expect(&bench, &["qmaps_vol0_slice0.npz", "key `qmaps`", "[3, 40, 36]"]);
}

#[test]
fn acquisition_files() {
    let bench = Bench::with_data();
    let path = bench.path("data/acquisition/traj_dcf.mat");
    let good = TrajectoryFile::read(&path).unwrap();
    let mut beyond = good.clone();
    beyond.positions[[3, 5, 1]] = 0.7;
    beyond.write(&path).unwrap();
    expect(&bench, &["traj_dcf.mat", "key `traj`", "[-1/2, 1/2]", "0.7"]);
    fs::write(&path, b"MATLAB 7.3 MAT-file, Platform: GLNXA64").unwrap();
    expect(&bench, &["traj_dcf.mat"]);
    fs::remove_file(&path).unwrap();
    expect(&bench, &["traj_dcf.mat", "no such file"]);
    good.write(&path).unwrap();
    fs::remove_file(bench.path("data/acquisition/SVD_dict_FISP_cut4.mat")).unwrap();
    expect(&bench, &["SVD_dict_FISP_cut4.mat", "no such file"]);
}

#[test]
fn flags() {
    let bench = Bench::with_data();
    for (words, said) in [
        (vec!["--slices", "7"], "no slice 7"),
        (vec!["--vols", "3"], "no volume 3"),
        (vec!["--set", "weigths=none"], "weigths"),
        (vec!["--set", "solver.least-squares.iterations=many"], "iterations"),
        (vec!["--set", "weights"], "KEY=VALUE"),
        (vec!["--plugin-dir", "nowhere"], "no such directory: nowhere"),
    ] {
        let error = bench.fail(2, &[&RECON[..9], &words].concat());
        assert!(error.contains(said), "{words:?}: {error}");
    }
    let error = bench.fail(2, &["recon", "--dataset", "data", "--cut", "9", "--method", "lsq", "--out", "out"]);
    assert!(error.contains("0, 1, 2, 3 or 4"), "{error}");
    let error = bench.fail(3, &["recon", "--dataset", "nowhere", "--method", "lsq", "--out", "out"]);
    assert!(error.contains("nowhere"), "{error}");
    let error = bench.fail(3, &["recon", "--dataset", "data", "--cut", "4", "--method", "lost.json", "--out", "out"]);
    assert!(error.contains("lost.json"), "{error}");
    let error = bench.fail(2, &["dictionary", "--sequence", "fisp", "--t1", "0.1", "--t2", "0.5", "--out", "d.mat"]);
    assert!(error.contains("T2 > T1") && !bench.path("d.mat").exists(), "{error}");
    assert!(!bench.path("out").exists());
}

#[test]
fn an_unknown_instruction_set() {
    let bench = Bench::new();
    let output = bench.command(&["plugin", "list"]).env("DIPH_CPU", "fast").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.starts_with("error: DIPH_CPU: expected one of ") && error.contains("portable"), "{error}");
    assert!(bench.command(&["plugin", "list"]).env("DIPH_CPU", "portable").output().unwrap().status.success());
}

#[test]
fn words_with_blanks_stay_whole() {
    let bench = Bench::new();
    let run = |words: &[&str]| bench.command(words).output().unwrap();
    let output = run(&["evaluate", "--dataset", "no where", "--results", "a b"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no where"));
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(help.contains("Usage: diph "), "{help}");
}

#[test]
fn coefficients_and_batches_that_cannot_be_are_named() {
    let bench = Bench::new();
    let error = bench.fail(2, &["dictionary", "--sequence", "fisp", "--coefficients", "1000000000", "--out", "d.mat"]);
    assert!(error.contains("--coefficients: expected 1 to "), "{error}");
    let error = bench.fail(2, &["train", "--phantom", "64", "--batch", "100000000000", "--out", "run", "--dry-run"]);
    assert!(error.contains("batch: expected 1 to "), "{error}");
    let size = "training.model.unet.image_size=4294967296";
    let error = bench.fail(2, &["train", "--phantom", "64", "--set", size, "--out", "run", "--dry-run"]);
    assert!(error.contains("image_size: expected at most "), "{error}");
}

#[test]
fn flags_without_effect_are_refused() {
    let bench = Bench::with_data();
    fs::write(bench.path("own.json"), "{}").unwrap();
    let cases: [(&[&str], &str); 5] = [
        (&["dictionary", "--sequence", "own.json", "--cut", "3", "--out", "d.mat"], "--cut: has no effect"),
        (&["simulate", "--maps", "data", "--cut", "4", "--samples", "300", "--out", "new"], "--samples: has no effect"),
        (&["convert", "samples", "a.npz", "b", "--format", "f16"], "--format: has no effect"),
        (&["convert", "checkpoint", "a.pt", "b.safetensors", "--factor", "2"], "--factor: has no effect"),
        (&["convert", "dictionary", "a.mat", "b.npz", "--factor", "2"], "--factor: has no effect"),
    ];
    for (words, said) in cases {
        let error = bench.fail(2, words);
        assert!(error.contains(said), "{words:?}: {error}");
    }
    assert!(!bench.path("new").exists() && !bench.path("d.mat").exists());
}

#[test]
fn settings_beyond_single_precision() {
    let bench = Bench::with_data();
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", "out"];
    for set in ["solver.fista.lambda=1e60", "prior.options.weight=-1e39"] {
        let error = bench.fail(2, &[&words[..], &["--set", set]].concat());
        assert!(error.contains(set.split('=').next().unwrap()) && error.contains("single precision"), "{error}");
    }
    assert!(!bench.path("out").exists());
}

#[test]
fn settings_that_cannot_work() {
    let bench = Bench::with_data();
    let lrtv =
        ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", "out", "--slices", "0", "--set"];
    let error = bench.fail(1, &[&lrtv[..], &["solver.fista.iterations=0"]].concat());
    assert!(error.contains("iterations: expected at least 1, got 0"), "{error}");
    let error = bench.fail(1, &[&lrtv[..], &["solver.fista.lipschitz=0.001"]].concat());
    assert!(error.contains("the solver broke down"), "{error}");
    let prior = "prior={\"id\":\"diph.total-variation\"}";
    let lsq =
        ["recon", "--dataset", "data", "--cut", "4", "--method", "lsq", "--out", "out", "--slices", "0", "--force"];
    let error = bench.fail(1, &[&lsq[..], &["--set", prior]].concat());
    assert!(error.contains("solver `least-squares`: prior: expected none"), "{error}");
    let error = bench.fail(1, &[&lrtv[..], &["prior=null", "--force"]].concat());
    assert!(error.contains("solver `fista`: prior: expected a prior"), "{error}");
}

#[test]
fn simulations_that_fail_leave_nothing() {
    let bench = Bench::new();
    let phantom = ["simulate", "--phantom", "24", "--cut", "4", "--samples", "100", "--out", "data"];
    for (words, code) in [(["--noise=-1"], 2), (["--coils=0"], 2), (["--sequence=lost.json"], 3)] {
        bench.fail(code, &[&phantom[..], &words].concat());
        assert!(!bench.path("data").exists(), "{words:?}");
    }
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    let bench = Bench::with_data();
    fs::write(bench.path("out"), "in the way").unwrap();
    // The other mistake is one that only reading a file would show: the folder is looked at before.
    fs::write(kspace(&bench), "no archive").unwrap();
    fs::write(bench.path("own.json"), "{").unwrap();
    fs::create_dir(bench.path("folder")).unwrap();
    let commands: [(&[&str], &str); 7] = [
        (&[&RECON[..], &["0"]].concat(), "out: cannot write"),
        (&["demo", "--out", "out/below"], "out/below: cannot write"),
        (&["simulate", "--phantom", "24", "--sequence", "own.json", "--out", "out"], "out: cannot write"),
        (
            &["train", "--phantom", "24", "--acquisition", "nowhere", "--cut", "4", "--out", "out/run"],
            "out/run: cannot write",
        ),
        (&["dictionary", "--sequence", "fisp", "--out", "out/d.mat"], "out/d.mat: cannot write"),
        (&["dictionary", "--sequence", "fisp", "--out", "folder"], "folder: cannot write"),
        (&["convert", "trajectory", "absent.mat", "out/t.npz"], "out/t.npz: cannot write"),
    ];
    for (words, said) in commands {
        let error = bench.fail(3, words);
        assert!(error.contains(said), "{words:?}: {error}");
    }
    assert_eq!(fs::read_to_string(bench.path("out")).unwrap(), "in the way");
}
