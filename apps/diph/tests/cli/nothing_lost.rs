//! What a user has is not lost: absent is not unreadable, nothing of others is replaced, folders are whole or say that they are
//! not, and printing never ends the work.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use diph_datasets::{DatasetFolder, SliceId};
use diph_formats::NpzWriter;
use ndarray::Array4;
use num_complex::Complex32;

use crate::bench::{Bench, files};

const RECON: [&str; 11] =
    ["recon", "--dataset", "data", "--cut", "4", "--method", "lsq", "--slices", "0", "--out", "out"];
const ID: SliceId = SliceId { vol: 0, slice: 0 };

fn data(bench: &Bench) -> DatasetFolder {
    DatasetFolder::new(bench.path("data"))
}

/// Content of all files of a folder.
fn content(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    files(folder).into_iter().map(|file| (file.clone(), fs::read(folder.join(file)).unwrap())).collect()
}

/// Puts a link to nothing into the place of a file or a folder.
fn unmount(path: &Path) {
    let _ = fs::remove_file(path).or_else(|_| fs::remove_dir_all(path));
    symlink("/nowhere/disk", path).unwrap();
}

#[test]
fn what_cannot_be_opened_is_not_absent() {
    let bench = Bench::with_data();
    let folder = data(&bench);
    for path in [
        folder.kspace_path(ID, 4),
        folder.mask_path(ID, 0.006),
        folder.reference_tsmi_path(ID, 4),
        folder.maps_path(ID),
        folder.coil_maps_path(),
        bench.path("data/synthesized_ksp"),
        bench.path("data/qmaps"),
        bench.path("data/acquisition"),
    ] {
        let bench = Bench::with_data();
        let path = bench.path("data").join(path.strip_prefix(folder.root()).unwrap());
        unmount(&path);
        // Not even where simulating is allowed.
        let error = bench.fail(3, &[&["--quiet"], &RECON[..], &["--simulate"]].concat());
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(error.contains(&*name) && error.contains("/nowhere/disk"), "{name}: {error}");
        assert!(!bench.path("out").exists(), "{name}");
    }
}

#[test]
fn a_file_is_what_its_content_says() {
    let bench = Bench::with_data();
    fs::copy(bench.path("data/acquisition/SVD_dict_FISP_cut4.mat"), bench.path("D.MAT")).unwrap();
    fs::copy(bench.path("data/acquisition/traj_dcf.mat"), bench.path("trajectory.backup")).unwrap();
    let own = ["--dictionary", "D.MAT", "--trajectory", "trajectory.backup"];
    let ours = bench.recon("lsq", "named", &[&["--slices", "0"], &own[..]].concat());
    let theirs = bench.recon("lsq", "folder", &["--slices", "0"]);
    assert_eq!(ours["mean"]["tsmi_nrmse"], theirs["mean"]["tsmi_nrmse"]);
    for (words, said) in [
        (
            vec![
                "dictionary",
                "--sequence",
                "fisp",
                "--t1",
                "1",
                "--t2",
                "0.1",
                "--coefficients",
                "1",
                "--out",
                "d.csv",
            ],
            ".csv",
        ),
        (vec!["convert", "dictionary", "D.MAT", "d"], "without an extension"),
        (vec!["convert", "checkpoint", "net.pt", "net.pth"], ".safetensors"),
    ] {
        let error = bench.fail(2, &words);
        assert!(error.contains(said), "{words:?}: {error}");
    }
    bench.succeed(&["convert", "dictionary", "D.MAT", "E.NPZ"]);
    assert!(fs::read(bench.path("E.NPZ")).unwrap().starts_with(b"PK"));
}

#[test]
fn two_files_for_one_thing_are_not_chosen_from() {
    let bench = Bench::with_data();
    bench.succeed(&["convert", "dictionary", "data/acquisition/SVD_dict_FISP_cut4.mat", "own.npz"]);
    fs::copy(bench.path("own.npz"), bench.path("data/acquisition/dictionary_cut4.npz")).unwrap();
    let error = bench.fail(3, &RECON);
    assert!(error.contains("SVD_dict_FISP_cut4.mat and ") && error.contains("dictionary_cut4.npz"), "{error}");
    bench.succeed(&[&RECON[..], &["--dictionary", "own.npz"]].concat());
}

#[test]
fn numbers_with_zeros_in_front_are_named() {
    let bench = Bench::with_data();
    let ksp = |name: &str| bench.path("data/synthesized_ksp").join(name);
    fs::rename(ksp("ksp_vol0_slice0_cut4.npz"), ksp("ksp_vol00_slice00_cut4.npz")).unwrap();
    let error = bench.fail(3, &RECON);
    assert!(error.contains("ksp_vol00_slice00_cut4.npz") && error.contains("rename it"), "{error}");
}

#[test]
fn names_of_methods_stay_in_the_folder() {
    let bench = Bench::with_data();
    for name in ["x/../../escaped", "..", "/tmp/escaped"] {
        let error = bench.fail(2, &[&RECON[..], &["--set", &format!("name={name}")]].concat());
        assert!(error.contains("part of a file name"), "{error}");
    }
    let method = fs::read_to_string(format!("{}/../recon/methods/lsq.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    fs::write(bench.path("own.json"), method.replace("\"lsq\"", "\"../lsq\"")).unwrap();
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "own.json", "--out", "out"];
    assert!(bench.fail(3, &words).contains("own.json: name: expected"));
}

#[test]
fn what_cannot_be_printed_is_dropped() {
    let bench = Bench::with_data();
    let run = |words: &[&str]| {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        bench.command(words).stdout(Stdio::null()).stderr(full).status().unwrap().code()
    };
    assert_eq!(run(&RECON), Some(0));
    assert!(bench.path("out/metrics.json").exists());
    assert_eq!(run(&[&RECON[..], &["--set", "nonsense=1"]].concat()), Some(2));
    assert_eq!(run(&["evaluate", "--dataset", "nowhere", "--results", "out"]), Some(3));
    // Standard output has the result, and who asked for it must hear that it is lost.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = bench.command(&["plugin", "list"]).stdout(full).stderr(Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn paths_need_not_be_text() {
    let bench = Bench::with_data();
    let name = |end: &[u8]| PathBuf::from(OsStr::from_bytes(&[b"caf\xe9", end].concat()));
    let run = |words: &[&str], out: &Path, more: &[&str]| {
        bench.command(words).arg(out).args(more).output().unwrap().status.code()
    };
    let dictionary =
        ["dictionary", "--sequence", "fisp", "--cut", "4", "--t1", "1", "--t2", "0.1", "--coefficients", "1"];
    assert_eq!(run(&[&dictionary[..], &["--out"]].concat(), &name(b".mat"), &[]), Some(0));
    let convert = ["--json", "convert", "trajectory", "data/acquisition/traj_dcf.mat"];
    assert_eq!(run(&convert, &name(b".npz"), &[]), Some(0));
    let simulate = ["simulate", "--phantom", "24", "--cut", "4", "--samples", "100", "--out"];
    assert_eq!(run(&simulate, &name(b""), &[]), Some(0));
    assert_eq!(run(&["recon", "--method", "lsq", "--cut", "4", "--out", "o", "--dataset"], &name(b""), &[]), Some(0));
    assert_eq!(run(&["evaluate", "--results", "o", "--dataset"], &name(b""), &[]), Some(0));
    let train = ["train", "--out", "t", "--dry-run", "--acquisition", "data", "--cut", "4", "--dataset"];
    assert_eq!(run(&train, &name(b""), &[]), Some(2), "configurations are text");
    assert_eq!(run(&["parity"], &name(b""), &["--json"]), Some(3));
    fs::create_dir(bench.path("").join(name(b"-plugins"))).unwrap();
    assert_eq!(run(&["--json", "plugin", "list", "--plugin-dir"], &name(b"-plugins"), &[]), Some(0));
}

#[test]
fn single_files_are_replaced_by_force_only() {
    let bench = Bench::with_data();
    let dictionary =
        |t1| ["dictionary", "--sequence", "fisp", "--cut", "4", "--t1", t1, "--t2", "0.1", "--out", "d.npz"];
    let one = [&dictionary("0.9,1")[..], &["--coefficients", "2"]].concat();
    let other = [&dictionary("0.9,2")[..], &["--coefficients", "2"]].concat();
    bench.succeed(&one);
    let written = fs::read(bench.path("d.npz")).unwrap();
    bench.succeed(&one);
    let error = bench.fail(2, &other);
    assert!(error.contains("d.npz") && error.contains("--force"), "{error}");
    assert_eq!(fs::read(bench.path("d.npz")).unwrap(), written);
    bench.succeed(&[&other[..], &["--force"]].concat());
    assert_ne!(fs::read(bench.path("d.npz")).unwrap(), written);

    // What is read is never written, whatever is said.
    let trajectory = "data/acquisition/traj_dcf.mat";
    let before = content(&bench.path("data"));
    for words in [
        ["convert", "trajectory", trajectory, "data/../data/acquisition/traj_dcf.mat", "--force"],
        ["convert", "samples", "data/qmaps/qmaps_vol0_slice0.npz", "data/qmaps", "--force"],
    ] {
        assert!(bench.fail(2, &words).contains("it is read by the same command"), "{words:?}");
    }
    bench.recon("lsq", "out", &[]);
    let evaluate = ["evaluate", "--dataset", "data", "--results", "out", "--out"];
    bench.fail(2, &[&evaluate[..], &["data/qmaps/qmaps_vol0_slice0.npz", "--force"]].concat());
    bench.fail(2, &[&evaluate[..], &["out/vol0_slice0/maps.npz", "--force"]].concat());
    let run = fs::read(bench.path("out/metrics.json")).unwrap();
    bench.fail(2, &[&evaluate[..], &["out/metrics.json"]].concat());
    assert_eq!(fs::read(bench.path("out/metrics.json")).unwrap(), run);
    assert_eq!(content(&bench.path("data")), before);

    // Links and pipes are no files.
    fs::write(bench.path("target.json"), "old").unwrap();
    symlink("target.json", bench.path("link.json")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(bench.path("pipe.json")).status().unwrap().success());
    for name in ["link.json", "pipe.json"] {
        let error = bench.fail(3, &[&evaluate[..], &[name, "--force"]].concat());
        assert!(error.contains("expected the name of a file"), "{error}");
    }
    assert!(bench.path("link.json").is_symlink());
}

#[test]
fn measured_data_are_not_simulated_over() {
    let bench = Bench::with_data();
    // As if it had been measured.
    fs::remove_file(bench.path("data/simulation.json")).unwrap();
    let before = content(&bench.path("data"));
    let maps = ["simulate", "--maps", "data", "--cut", "4", "--out"];
    let own_dictionary = ["--phantom", "24", "--dictionary", "data/acquisition/SVD_dict_FISP_cut4.mat", "--out"];
    for words in [&maps[..], &[&["simulate", "--cut", "4"], &own_dictionary[..]].concat()] {
        let error = bench.fail(2, &[words, &["data", "--force"]].concat());
        assert!(error.contains("it is read by the same command"), "{error}");
    }
    let phantom = ["simulate", "--phantom", "24", "--cut", "4", "--samples", "100", "--out", "data"];
    let error = bench.fail(2, &phantom);
    assert!(error.contains("a data set that was not simulated") && error.contains("--force"), "{error}");
    fs::create_dir(bench.path("x")).unwrap();
    fs::rename(bench.path("data"), bench.path("x/dataset")).unwrap();
    assert!(bench.fail(2, &["demo", "--size", "24", "--out", "x"]).contains("--force"));
    fs::rename(bench.path("x/dataset"), bench.path("data")).unwrap();
    assert_eq!(content(&bench.path("data")), before);
    // Not even by force beside k-space of another acquisition.
    let error = bench.fail(3, &[&phantom[..], &["--force"]].concat());
    assert!(error.contains("ksp_vol0_slice1_cut4.npz"), "{error}");
    fs::remove_file(data(&bench).kspace_path(SliceId::new(0, 1), 4)).unwrap();
    bench.succeed(&[&phantom[..], &["--force"]].concat());
}

#[test]
fn several_cuts_of_a_simulation_stand_side_by_side() {
    let bench = Bench::with_data();
    let other_cut = ["simulate", "--phantom", "40x36", "--samples", "300", "--out", "data", "--cut", "3", "--slices"];
    bench.succeed(&[&other_cut[..], &["0,1"]].concat());
    for cut in ["3", "4"] {
        bench.succeed(&["recon", "--dataset", "data", "--cut", cut, "--method", "lsq", "--out", cut]);
    }
    // Fewer slices, measured otherwise: those of the same cut that remain would not fit any more.
    bench.succeed(&[&other_cut[..], &["0", "--coils", "2"]].concat());
    assert_eq!(data(&bench).slices_with_kspace(3).unwrap(), [ID]);
    assert_eq!(data(&bench).slices_with_kspace(4).unwrap().len(), 2);
}

#[test]
fn what_was_put_among_simulated_files_is_kept() {
    let bench = Bench::with_data();
    let measured = Array4::from_elem((1, 1, 100, 300), Complex32::ONE);
    NpzWriter::new().with("y", measured.view()).write(data(&bench).kspace_path(ID, 4)).unwrap();
    let before = content(&bench.path("data"));
    let again = ["simulate", "--phantom", "40x36", "--cut", "4", "--samples", "300", "--out", "data", "--seed", "1"];
    let error = bench.fail(2, &again);
    assert!(error.contains("ksp_vol0_slice0_cut4.npz") && error.contains("--force"), "{error}");
    assert_eq!(content(&bench.path("data")), before);
}

#[test]
fn k_space_of_another_acquisition_is_refused() {
    let bench = Bench::with_data();
    bench.simulate("radial", &["--trajectory", "radial"]);
    let of = |root: &str| DatasetFolder::new(bench.path(root)).kspace_path(ID, 4);
    fs::copy(of("radial"), of("data")).unwrap();
    let error = bench.fail(3, &RECON);
    assert!(error.contains("ksp_vol0_slice0_cut4.npz") && error.contains("trajectory differ"), "{error}");
    bench.succeed(&[&RECON[..], &["--trajectory", "radial/acquisition/traj_dcf.mat"]].concat());
}

#[test]
fn an_interrupted_simulation_is_no_data_set() {
    let bench = Bench::new();
    let words = |more: &[&'static str]| {
        let own = ["simulate", "--phantom", "96", "--cut", "4", "--samples", "400", "--slices", "0-39", "--out", "s"];
        [&own[..], more].concat()
    };
    bench.succeed(&words(&[]));
    let ksp = DatasetFolder::new(bench.path("s")).kspace_path(ID, 4);
    let old = fs::read(&ksp).unwrap();
    let mut child = bench.command(&words(&["--trajectory", "radial"])).stderr(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while fs::read(&ksp).is_ok_and(|now| now == old) && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let recon = ["recon", "--dataset", "s", "--cut", "4", "--method", "lsq", "--slices", "0", "--out", "out"];
    let error = bench.fail(3, &recon);
    assert!(error.contains("did not get to its end"), "{error}");
    // The same command again, and it is as if nothing had happened.
    bench.succeed(&words(&["--trajectory", "radial"]));
    let whole = [&words(&["--trajectory", "radial"])[..10], &["whole", "--trajectory", "radial"]].concat();
    bench.succeed(&whole);
    assert!(content(&bench.path("s")) == content(&bench.path("whole")));
}

#[test]
fn results_of_another_configuration_are_kept() {
    let bench = Bench::with_data();
    bench.recon("lsq", "out", &[]);
    let before = content(&bench.path("out"));
    let recon = |method| ["recon", "--dataset", "data", "--cut", "4", "--method", method, "--out", "out"];
    for (words, code, said) in [
        (recon("lrtv").to_vec(), 2, "`lsq`|another method"),
        ([&recon("lsq")[..], &["--seed", "1"]].concat(), 2, "the seed 0"),
        ([&recon("lsq")[..], &["--set", "solver.least-squares.iterations=3"]].concat(), 2, "iterations"),
        ([&recon("lsq")[..], &["--samples", "3"]].concat(), 2, "samples"),
        ([&recon("lsq")[..], &["--samples", "3", "--force"]].concat(), 2, "no posterior to sample"),
        ([&recon("lrtv")[..], &["--set", "solver.fista.lambda=-1", "--force"]].concat(), 1, "lambda"),
    ] {
        let error = bench.fail(code, &words);
        assert!(said.split('|').any(|said| error.contains(said)), "{words:?}: {error}");
        assert!(content(&bench.path("out")) == before, "{words:?}");
    }
    // Links are not replaced by force either, and that is known before anything is.
    let tsmi = bench.path("out/vol0_slice0/tsmi.npz");
    fs::rename(&tsmi, bench.path("elsewhere.npz")).unwrap();
    symlink(bench.path("elsewhere.npz"), &tsmi).unwrap();
    let error = bench.fail(3, &[&recon("lrtv")[..], &["--force"]].concat());
    assert!(error.contains("tsmi.npz") && error.contains("that of a link"), "{error}");
    fs::remove_file(&tsmi).unwrap();
    fs::rename(bench.path("elsewhere.npz"), &tsmi).unwrap();
    assert!(content(&bench.path("out")) == before);
    bench.recon("lsq", "out", &[]);
    bench.recon("lrtv", "out", &["--slices", "0", "--force"]);
    assert_eq!(bench.json("out/vol0_slice0/metrics.json")["method"], "lrtv");
    assert_eq!(bench.json("out/metrics.json")["slices"].as_array().unwrap().len(), 1);
}

#[test]
fn somebody_elses_files_are_not_results() {
    let bench = Bench::with_data();
    fs::create_dir_all(bench.path("out/vol0_slice0")).unwrap();
    fs::write(bench.path("out/vol0_slice0/maps.npz"), "mine").unwrap();
    let error = bench.fail(2, &RECON);
    assert!(error.contains("vol0_slice0") && error.contains("--force"), "{error}");
    fs::remove_dir_all(bench.path("out/vol0_slice0")).unwrap();
    fs::write(bench.path("out/metrics.json"), "mine").unwrap();
    assert!(bench.fail(2, &RECON).contains("metrics.json"));
    assert_eq!(fs::read(bench.path("out/metrics.json")).unwrap(), b"mine");
}

#[test]
fn evaluation_means_one_method_and_finished_slices() {
    let bench = Bench::with_data();
    bench.recon("lsq", "out", &[]);
    bench.recon("lrtv", "other", &["--slices", "0"]);
    let evaluate = ["evaluate", "--dataset", "data", "--results", "out"];
    let metrics = bench.path("out/vol0_slice1/metrics.json");
    let of_slice = fs::read(&metrics).unwrap();
    fs::remove_file(&metrics).unwrap();
    let error = bench.fail(3, &evaluate);
    assert!(error.contains("vol0_slice1: unfinished"), "{error}");
    bench.succeed(&[&evaluate[..], &["--slices", "0"]].concat());
    fs::write(&metrics, of_slice).unwrap();
    fs::remove_dir_all(bench.path("out/vol0_slice0")).unwrap();
    fs::rename(bench.path("other/vol0_slice0"), bench.path("out/vol0_slice0")).unwrap();
    let error = bench.fail(3, &evaluate);
    assert!(error.contains("vol0_slice1: another method than that of vol0_slice0"), "{error}");
}

#[test]
fn one_process_at_a_time_writes_into_a_folder() {
    let bench = Bench::with_data();
    let long =
        ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--slices", "0", "--out", "out", "--set"];
    let long = [&long[..], &["solver.fista.iterations=1000000"]].concat();
    let mut child = bench.command(&long).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while !bench.path("out/.diph-lock").exists() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    let error = bench.fail(3, &RECON);
    assert!(error.contains(&format!("process {} is writing into it", child.id())), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();
    bench.succeed(&RECON);
    assert!(!files(&bench.path("out")).iter().any(|file| file.to_string_lossy().contains(".diph-")), "nothing stays");
}

#[test]
fn left_overs_of_killed_runs_go() {
    let bench = Bench::with_data();
    bench.succeed(&RECON);
    let folders = ["out", "out/vol0_slice0", "data", "data/synthesized_ksp", "data/acquisition"];
    for folder in folders {
        fs::write(bench.path(folder).join(".diph-abc123.tmp"), "half").unwrap();
        fs::create_dir(bench.path(folder).join(".diph-ABC123.tmp")).unwrap();
    }
    bench.succeed(&RECON);
    bench.simulate("data", &[]);
    let dictionary = ["--t1", "1", "--t2", "0.1", "--coefficients", "1", "--out", "d.npz"];
    fs::write(bench.path(".diph-abc123.tmp"), "half").unwrap();
    bench.succeed(&[&["dictionary", "--sequence", "fisp", "--cut", "4"], &dictionary[..]].concat());
    for folder in folders.iter().chain(&[""]) {
        assert!(!bench.path(folder).join(".diph-abc123.tmp").exists(), "{folder}");
        assert!(!bench.path(folder).join(".diph-ABC123.tmp").exists(), "{folder}");
    }
}

#[test]
fn a_dictionary_of_many_frames_can_be_stopped() {
    let bench = Bench::new();
    let frames = 1600;
    let flips: Vec<f64> = (0..frames).map(|i| 0.2 + 0.5 * (i as f64 / 300.0).sin().abs()).collect();
    let sequence = serde_json::json!({
        "flip_angle_rad": flips, "tr_s": vec![0.012; frames], "te_s": 0.002, "ti_s": 0.02, "inversion": true,
    });
    fs::write(bench.path("long.json"), sequence.to_string()).unwrap();
    let words = ["dictionary", "--sequence", "long.json", "--t1", "0.8,1.2", "--t2", "0.05,0.1", "--coefficients", "3"];
    let mut child = bench.command(&[&words[..], &["--out", "q.npz"]].concat()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(3));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let asked = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert!(files(&bench.path("")) == [PathBuf::from("long.json")], "nothing is written");
}

#[test]
fn threads_are_bounded_by_the_machine() {
    let bench = Bench::new();
    let output = bench.run(&["--threads", "20000", "plugin", "list"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("--threads 20000: this machine runs "), "{said}");
}

#[test]
fn a_run_without_its_state_is_not_begun_again() {
    let bench = Bench::new();
    let tiny =
        ["unet.image_size=32", "unet.model_channels=32", "unet.channel_mult=[1,1]", "unet.attention_resolutions=[]"];
    let sets: Vec<String> = tiny.iter().map(|set| format!("training.model.{set}")).collect();
    let mut words = vec!["train", "--out", "t", "--phantom", "32", "--steps", "2", "--condition", "none"];
    sets.iter().for_each(|set| words.extend(["--set", set]));
    bench.succeed(&words);
    fs::remove_file(bench.path("t/state.safetensors")).unwrap();
    let before = content(&bench.path("t"));
    let error = bench.fail(3, &["train", "--resume", "--out", "t"]);
    assert!(error.contains("state.safetensors: no such file"), "{error}");
    assert!(content(&bench.path("t")) == before);

    // Killed before it began, it begins.
    fs::create_dir(bench.path("u")).unwrap();
    fs::write(bench.path("u/.diph-lock"), "1").unwrap();
    fs::write(bench.path("u/.diph-abc123.tmp"), "half").unwrap();
    words[2] = "u";
    bench.succeed(&words);
    assert!(!bench.path("u/.diph-lock").exists() && !bench.path("u/.diph-abc123.tmp").exists());
    let read = |run: &str| fs::read(bench.path(run).join("ema_0.999.safetensors")).unwrap();
    assert!(read("u") == before.iter().find(|(file, _)| file.ends_with("ema_0.999.safetensors")).unwrap().1);
}
