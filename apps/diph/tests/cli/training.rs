//! `diph train` on tiny networks.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use diph_datasets::{DatasetFolder, SliceId};
use diph_diffusion::{Checkpoint, DiffusionPrior, PriorOptions};

use crate::bench::{Bench, files};

/// A network of one level on images of 32 pixels.
const TINY: [&str; 8] = [
    "--set",
    "training.model.unet.image_size=32",
    "--set",
    "training.model.unet.model_channels=32",
    "--set",
    "training.model.unet.channel_mult=[1,1]",
    "--set",
    "training.model.unet.attention_resolutions=[]",
];

fn train<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--out", out, "--condition", "cg-2"], &TINY[..], more].concat()
}

fn steps_of(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().skip(1).filter_map(|line| Some(line.split_once(',')?.0.to_owned())).collect()
}

#[test]
fn a_run_on_a_mixture_writes_every_file() {
    let bench = Bench::with_data();
    let data = ["--dataset", "data", "--phantom", "30x36", "--acquisition", "data", "--cut", "4", "--steps", "3"];
    let summary = bench.succeed(&[&["--json"], &train("run", &data)[..]].concat());
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["steps"], 3);
    assert!(summary["loss"].as_f64().unwrap() > 0.0);
    let names =
        ["config.json", "ema_0.99.safetensors", "ema_0.999.safetensors", "log.csv", "loss.png", "provenance.json"];
    let more =
        ["samples/step000003_sample0.png", "samples/step000003_sample1.png", "state.safetensors", "validation.csv"];
    let expected: Vec<_> = names.iter().chain(&more).map(std::path::PathBuf::from).collect();
    assert_eq!(files(&bench.path("run")), expected);
    assert_eq!(steps_of(&bench.path("run/log.csv")), ["1", "2", "3"]);
    assert_eq!(steps_of(&bench.path("run/validation.csv")), ["0", "3", "3", "3", "3", "3", "3"]);

    let provenance = bench.json("run/provenance.json");
    assert_eq!(provenance["plugins"][0]["id"], "diph.mrf-nufft");
    let inputs: Vec<&str> =
        provenance["inputs"].as_array().unwrap().iter().map(|i| i["path"].as_str().unwrap()).collect();
    assert!(inputs.contains(&"data/qmaps/qmaps_vol0_slice1.npz") && inputs.contains(&"data/acquisition/traj_dcf.mat"));

    bench.succeed(&["convert", "checkpoint", "run/ema_0.99.safetensors", "small.safetensors", "--format", "f16"]);
    let size = |name: &str| bench.path(name).metadata().unwrap().len();
    assert!(size("small.safetensors") < size("run/ema_0.99.safetensors") * 6 / 10);
    let checkpoint = Checkpoint::read(bench.path("small.safetensors")).unwrap();
    assert_eq!(checkpoint.config.condition.as_deref(), Some("cg-2"));
    assert_eq!(checkpoint.config.training.as_ref().unwrap()["data"]["dataset"], "data");
    assert!(checkpoint.config.condition_optional, "a fifth of the conditions were dropped");
    DiffusionPrior::new(&checkpoint, PriorOptions::default()).unwrap();

    let again = train("again", &["--config", "run/config.json"]);
    bench.succeed(&again);
    assert_eq!(
        fs::read(bench.path("again/ema_0.99.safetensors")).unwrap(),
        fs::read(bench.path("run/ema_0.99.safetensors")).unwrap()
    );
}

#[test]
fn a_killed_run_goes_on_as_if_nothing_had_happened() {
    let bench = Bench::new();
    let data = ["--phantom", "32", "--steps", "6"];
    bench.succeed(&train("whole", &data));
    let words = train("broken", &[&data[..], &["--checkpoint-minutes", "0"]].concat());
    let mut child = bench.command(&words).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while steps_of(&bench.path("broken/log.csv")).len() < 3 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    // Not to be caught: no checkpoint is written on the way out.
    child.kill().unwrap();
    child.wait().unwrap();
    let done = steps_of(&bench.path("broken/log.csv")).len();
    assert!((3..6).contains(&done), "killed after {done} steps");
    // As if the last checkpoint were older than the log.
    let log = bench.path("broken/log.csv");
    fs::write(&log, fs::read_to_string(&log).unwrap() + "6,1,1,1,1,1\n7,0.").unwrap();
    // As if it had been killed in the middle of writing.
    fs::create_dir_all(bench.path("broken/samples")).unwrap();
    for name in ["broken/.diph-Ab12Cd.tmp", "broken/samples/.diph-000000.tmp", "broken/.diph-mine.tmp"] {
        fs::write(bench.path(name), "half").unwrap();
    }
    bench.succeed(&["train", "--resume", "--out", "broken"]);
    let left: Vec<_> =
        files(&bench.path("broken")).into_iter().filter(|path| path.extension().unwrap() == "tmp").collect();
    assert_eq!(left, [Path::new(".diph-mine.tmp")]);
    assert_eq!(steps_of(&log), ["1", "2", "3", "4", "5", "6"]);
    for file in ["state.safetensors", "ema_0.999.safetensors", "ema_0.99.safetensors", "config.json"] {
        let read = |run: &str| fs::read(bench.path(&format!("{run}/{file}"))).unwrap();
        assert!(read("whole") == read("broken"), "{file} differs from that of the uninterrupted run");
    }
    let error = bench.fail(2, &["train", "--resume", "--out", "broken", "--set", "training.learning_rate=1"]);
    assert!(error.contains("`training.learning_rate` is 0.0006, and 1.0 is asked for"), "{error}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_its_state() {
    let bench = Bench::new();
    let words = train("run", &["--phantom", "32", "--steps", "100000"]);
    let mut child = bench.command(&words).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    while steps_of(&bench.path("run/log.csv")).len() < 2 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(bench.path("run/state.safetensors").exists() && bench.path("run/ema_0.999.safetensors").exists());
}

#[test]
fn a_run_goes_on_with_the_data_that_it_began_with_only() {
    let bench = Bench::with_data();
    let data = ["--dataset", "data", "--acquisition", "data", "--cut", "4", "--slices", "0,1", "--steps", "2"];
    bench.succeed(&train("run", &data));
    let resume = ["train", "--resume", "--out", "run"];
    bench.succeed(&resume);
    let folder = DatasetFolder::new(bench.path("data"));
    let (first, second) = (folder.maps_path(SliceId::new(0, 0)), folder.maps_path(SliceId::new(0, 1)));
    let own = fs::read(&first).unwrap();
    fs::copy(&second, &first).unwrap();
    let error = bench.fail(3, &resume);
    assert!(error.contains("qmaps_vol0_slice0.npz: has changed since the run in run began"), "{error}");
    fs::write(&first, own).unwrap();
    bench.succeed(&resume);
}

#[test]
fn flags_without_effect_are_refused() {
    let bench = Bench::with_data();
    let phantom = ["--phantom", "32", "--steps", "1"];
    for (words, said) in [
        (["--vols", "-1"], "--vols: has no effect without --dataset DIR"),
        (["--vols", "1"], "data.vols: has no effect"),
        (["--slices", "-1"], "--slices: has no effect without --dataset DIR"),
        (["--validation-vols", "1"], "data.validation_vols: has no effect"),
        (["--images", "maps"], "--images: has no effect without --dataset DIR"),
        (["--phantom-share", "0.5"], "--phantom-share: has no effect without --dataset DIR"),
        (["--phantom-share", "0.1"], "data.phantom_share: has no effect"),
    ] {
        let error = bench.fail(2, &train("run", &[&phantom[..], &words].concat()));
        assert!(error.contains(said), "{words:?}: {error}");
    }
    let folder = ["--dataset", "data", "--acquisition", "data", "--cut", "4", "--steps", "1"];
    let error = bench.fail(2, &train("run", &[&folder[..], &["--phantom-share", "0.5"]].concat()));
    assert!(error.contains("--phantom-share: has no effect without --phantom HEIGHTxWIDTH"), "{error}");
    assert!(!bench.path("run").exists());
}

#[test]
fn factors_of_the_training_set_are_measured_and_kept() {
    let bench = Bench::with_data();
    let tsmi = ["--dataset", "data", "--images", "tsmi", "--acquisition", "data", "--cut", "4", "--steps", "1"];
    let words =
        [&["train", "--out", "run", "--condition", "none", "--intensity", "factors"], &TINY[..], &tsmi].concat();
    bench.succeed(&words);
    let config = bench.json("run/config.json");
    let factor = config["training"]["model"]["intensity"]["reference_factor"].as_f64().unwrap() as f32;
    let folder = DatasetFolder::new(bench.path("data"));
    let image = folder.reference_tsmi(SliceId::new(0, 0), 4).unwrap();
    let brightest = image.iter().map(|value| value.norm()).fold(0.0, f32::max);
    assert!(factor > 0.0 && factor < brightest, "{factor} {brightest}");
    let checkpoint = Checkpoint::read(bench.path("run/ema_0.999.safetensors")).unwrap();
    assert_eq!(checkpoint.config.intensity.reference_factor, Some(factor));
    assert_eq!(checkpoint.config.intensity.condition_factor, None);

    let mut of_other_images = config.clone();
    of_other_images["training"]["model"]["intensity"]["reference_factor"] = 7.0.into();
    fs::write(bench.path("other.json"), of_other_images.to_string()).unwrap();
    let again = |out| ["train", "--out", out, "--config", "other.json", "--intensity", "factors"];
    bench.succeed(&again("again"));
    assert_eq!(bench.json("again/config.json"), config, "measured anew, whatever the configuration says");
    let error =
        bench.fail(2, &[&again("given")[..], &["--set", "training.model.intensity.reference_factor=1"]].concat());
    assert!(error.contains("--intensity: factors are measured, so that --set training.model.intensity"), "{error}");
    bench.succeed(&["train", "--resume", "--out", "run", "--intensity", "factors"]);
}

#[test]
fn bad_input_is_named() {
    let bench = Bench::with_data();
    let data = ["--dataset", "data", "--acquisition", "data", "--cut", "4", "--steps", "1"];
    let cases: [(i32, &[&str], &str); 9] = [
        (2, &["--vols", "7"], "--vols: no volume 7 with maps (`qmaps`) in data"),
        (2, &["--slices", "9"], "--slices: no slice 9"),
        (2, &["--validation-vols", "0"], "data.validation_vols: volume 0 is also trained on"),
        (3, &["--set", "training.model.unet.coefficients=6"], "SVD_dict_FISP_cut4.mat"),
        (2, &["--set", "training.model.condition=fastest"], "expected `adjoint`, `cg-N`"),
        (2, &["--set", "training.stepps=1"], "unknown field `stepps`"),
        (2, &["--set", "training.learning_rate=-1"], "learning_rate: expected a positive number"),
        (1, &["--set", "data.operator=diph.lost"], "diph.lost"),
        (3, &["--set", "data.acquisition=nowhere"], "nowhere"),
    ];
    for (code, words, said) in cases {
        let error = bench.fail(code, &train("run", &[&data[..], words].concat()));
        assert!(error.contains(said), "{words:?}: {error}");
        assert!(!bench.path("run").exists(), "{words:?} left a folder behind");
    }
    let error = bench.fail(2, &train("run", &["--steps", "1"]));
    assert!(error.contains("expected `dataset`, `phantom` or both"), "{error}");
}

#[test]
fn images_of_several_sizes_are_refused() {
    let bench = Bench::with_data();
    bench.succeed(&[
        "simulate",
        "--phantom",
        "36x36",
        "--vols",
        "1",
        "--cut",
        "4",
        "--samples",
        "300",
        "--out",
        "data",
    ]);
    let data = ["--dataset", "data", "--acquisition", "data", "--cut", "4", "--steps", "1"];
    let error = bench.fail(3, &train("run", &data));
    assert!(
        error.contains("qmaps_vol1_slice0.npz") && error.contains("[40, 36]") && error.contains("[36, 36]"),
        "{error}"
    );
    let error = bench.fail(3, &train("run", &[&data[..], &["--images", "tsmi"]].concat()));
    assert!(error.contains("tsmi_ref_vol1_slice0_cut4.npz") && error.contains("(5, 40, 36)"), "{error}");
}

#[test]
fn runs_are_neither_overwritten_nor_made_up() {
    let bench = Bench::new();
    fs::create_dir(bench.path("run")).unwrap();
    fs::write(bench.path("run/notes.txt"), "mine").unwrap();
    let error = bench.fail(2, &train("run", &["--phantom", "32", "--steps", "1"]));
    assert!(error.contains("run exists; add --resume"), "{error}");
    let error = bench.fail(3, &["train", "--resume", "--out", "run"]);
    assert!(error.contains("config.json: cannot be read"), "{error}");
    fs::write(bench.path("file"), "in the way").unwrap();
    let error = bench.fail(3, &train("file/run", &["--phantom", "32", "--steps", "1"]));
    assert!(error.contains("file/run: cannot write"), "{error}");
    assert_eq!(files(&bench.path("run")), [std::path::PathBuf::from("notes.txt")]);
}
