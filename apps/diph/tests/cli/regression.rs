//! `diph train --objective regression` on tiny networks.

use std::fs;
use std::path::Path;

use diph_network::Checkpoint;
use diph_regression::RegressionConfig;

use crate::bench::{Bench, files};

/// A network of one level on squares of 16 pixels.
const TINY: [&str; 12] = [
    "--set",
    "unet.model_channels=32",
    "--set",
    "unet.channel_mult=[1]",
    "--set",
    "unet.num_heads=1",
    "--set",
    "training.crop=16",
    "--set",
    "training.pool=8",
    "--set",
    "training.warmup_steps=2",
];

fn train<'a>(out: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "--objective", "regression", "--out", out], &TINY[..], more].concat()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn maps_of_a_folder_and_phantoms_give_a_method_that_runs() {
    let bench = Bench::with_data();
    bench.simulate("data", &["--vols", "1"]);
    let acquisition = ["--acquisition", "data", "--cut", "4"];
    let spectrum = ["train", "--objective", "spectrum", "--dataset", "data", "--vols", "0", "--out", "s.safetensors"];
    bench.succeed(&[&spectrum[..], &acquisition].concat());
    let maps = ["--dataset", "data", "--vols", "0", "--validation-vols", "1", "--phantom", "32", "--steps", "3"];
    let words = [&maps[..], &acquisition, &["--spectrum", "s.safetensors"]].concat();
    let summary = bench.succeed(&[&["--json"], &train("run", &words)[..]].concat());
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["steps"], 3);
    let rows = summary["validation"].as_array().unwrap();
    let told: Vec<[&str; 3]> =
        rows.iter().map(|row| ["method", "held_out", "map"].map(|key| row[key].as_str().unwrap())).collect();
    for method in ["mmse", "lrtv", "unet"] {
        for held_out in ["maps", "phantom"] {
            assert!(told.contains(&[method, held_out, "T1"]) && told.contains(&[method, held_out, "T2"]), "{told:?}");
        }
    }
    let expected = ["config.json", "ema_0.995.safetensors", "log.csv", "loss.png", "method.json", "provenance.json"];
    let expected: Vec<_> =
        expected.into_iter().chain(["state.safetensors", "validation.csv"]).map(std::path::PathBuf::from).collect();
    assert_eq!(files(&bench.path("run")), expected);
    assert!(lines(&bench.path("run/validation.csv"))[0].starts_with("step,method,held_out,map,range_s,voxels"));

    // The method file runs the network with the run's own spectrum, and the estimator refuses another acquisition.
    bench.recon("run/method.json", "results", &["--vols", "1", "--slices", "0"]);
    assert!(bench.path("results/vol1_slice0/maps.npz").exists() || !files(&bench.path("results")).is_empty());
    let checkpoint = Checkpoint::<RegressionConfig>::read(bench.path("run/ema_0.995.safetensors")).unwrap();
    assert_eq!(checkpoint.config.basis.len(), 100);
    bench.succeed(&["convert", "checkpoint", "run/ema_0.995.safetensors", "small.safetensors", "--format", "bf16"]);
    let size = |name: &str| bench.path(name).metadata().unwrap().len();
    assert!(size("small.safetensors") < size("run/ema_0.995.safetensors") * 7 / 10);
    assert_eq!(checkpoint.config.training.as_ref().unwrap()["data"]["dataset"], "data");
}

#[test]
fn a_run_that_is_resumed_equals_one_that_never_stopped() {
    let bench = Bench::new();
    let data = ["--phantom", "32", "--steps", "5"];
    bench.succeed(&train("whole", &data));
    let mut child = bench.command(&train("broken", &[&data[..], &["--checkpoint-minutes", "0"]].concat()));
    let mut child = child.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while !bench.path("broken/state.safetensors").exists() && std::time::Instant::now() < patience {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resume = ["train", "--objective", "regression", "--resume", "--out", "broken"];
    bench.succeed(&resume);
    for file in ["state.safetensors", "ema_0.995.safetensors", "config.json", "validation.csv"] {
        let read = |run: &str| lines_of_last_step(&bench.path(&format!("{run}/{file}")));
        assert!(read("whole") == read("broken"), "{file} differs from that of the uninterrupted run");
    }
    let error = bench.fail(2, &[&resume[..], &["--set", "training.learning_rate=1"]].concat());
    assert!(error.contains("another configuration is asked for"), "{error}");
}

/// A file's bytes; of a table the lines of the last step, since a run that saves more often validates more often.
fn lines_of_last_step(path: &Path) -> Vec<u8> {
    if path.extension().is_some_and(|ending| ending == "csv") {
        return lines(path).into_iter().filter(|line| line.starts_with("5,")).collect::<String>().into_bytes();
    }
    fs::read(path).unwrap()
}

#[test]
fn training_goes_on_from_weights() {
    let bench = Bench::new();
    let data = ["--phantom", "32", "--steps", "2"];
    bench.succeed(&train("first", &data));
    let from = ["--init-from", "first/ema_0.995.safetensors"];
    let slow = ["--set", "training.learning_rate=1e-9"];
    bench.succeed(&train("second", &[&data[..], &from, &slow].concat()));
    let read = |run: &str| {
        let path = bench.path(&format!("{run}/ema_0.995.safetensors"));
        Checkpoint::<RegressionConfig>::read(path).unwrap().parameters.to_tensors()
    };
    let (first, second) = (read("first"), read("second"));
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    for (name, tensor) in &first {
        assert!(distance(tensor.values(), second[name].values()) < 1e-4, "{name}");
    }
    let error = bench.fail(3, &train("third", &[&data[..], &from, &["--set", "unet.model_channels=64"]].concat()));
    assert!(error.contains("first/ema_0.995.safetensors"), "{error}");
}

#[test]
fn bad_input_is_named() {
    let bench = Bench::with_data();
    let data = ["--dataset", "data", "--acquisition", "data", "--cut", "4", "--steps", "1"];
    let cases: [(i32, &[&str], &str); 6] = [
        (2, &["--condition", "cg-3"], "--condition: has no effect with --objective regression"),
        (2, &["--images", "tsmi"], "data.images: expected `maps`"),
        (2, &["--set", "variation.rotation=-1"], "variation.rotation: expected a number of at least 0"),
        (2, &["--validation-vols", "0"], "data.validation_vols: volume 0 is also trained on"),
        (2, &["--set", "training.crop=15"], "crop: expected a multiple of 2"),
        (2, &[], "diph train --objective spectrum"),
    ];
    for (code, words, said) in cases {
        let error = bench.fail(code, &train("run", &[&data[..], words].concat()));
        assert!(error.contains(said), "{words:?}: {error}");
    }
    let error = bench.fail(2, &["train", "--phantom", "32", "--spectrum", "a", "--out", "run"]);
    assert!(error.contains("--spectrum: has no effect with --objective diffusion"), "{error}");
}

#[test]
fn a_recipe_trains_everything_for_an_acquisition() {
    let bench = Bench::with_data();
    let recipe = ["train", "--recipe", "standard", "--acquisition", "data", "--cut", "4", "--out", "run"];
    let data = ["--dataset", "data", "--vols", "0", "--phantom", "32"];
    let keys: Vec<String> = [
        ["regression.unet.model_channels=32", "diffusion.training.model.unet.model_channels=32"],
        ["regression.unet.channel_mult=[1]", "diffusion.training.model.unet.channel_mult=[1]"],
        ["regression.unet.num_heads=1", "diffusion.training.model.unet.num_heads=1"],
        ["regression.training.crop=16", "diffusion.training.crop=16"],
        ["regression.training.pool=8", "diffusion.training.reuse.pool=8"],
        ["regression.training.steps=2", "diffusion.training.steps=2"],
    ]
    .into_iter()
    .flatten()
    .flat_map(|key| ["--set".to_owned(), key.to_owned()])
    .collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let words = [&["--json"], &recipe[..], &data, &keys].concat();
    let summary: serde_json::Value = serde_json::from_str(&bench.succeed(&words)).unwrap();
    let methods: Vec<&str> =
        summary["errors"].as_array().unwrap().iter().map(|row| row["method"].as_str().unwrap()).collect();
    for method in ["mmse", "lrtv", "unet", "mrf-diph-conditional"] {
        assert!(methods.contains(&method), "{methods:?}");
    }
    for method in ["run/unet.json", "run/mrf-diph-conditional.json"] {
        bench.recon(method, &format!("{method}-results"), &["--slices", "0"]);
    }
    assert!(bench.fail(2, &words).contains("run holds a recipe's results; add --resume"));

    // What is finished is not done again, and what is not there is made.
    let read = |file: &str| fs::read(bench.path(file)).unwrap();
    let (network, prior) = (read("run/regression/ema_0.995.safetensors"), read("run/diffusion/ema_0.995.safetensors"));
    fs::remove_dir_all(bench.path("run/diffusion")).unwrap();
    bench.succeed(&[&words[..], &["--resume"]].concat());
    assert!(network == read("run/regression/ema_0.995.safetensors"));
    assert!(prior == read("run/diffusion/ema_0.995.safetensors"));
    let error = bench.fail(2, &[&recipe[..], &data, &["--set", "training.steps=1"]].concat());
    assert!(error.contains("expected `spectrum.`, `regression.` or `diffusion.`"), "{error}");
}
