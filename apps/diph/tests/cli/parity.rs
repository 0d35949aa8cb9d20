//! Parity with the Python code, where its recorded outputs are present, and what is said where they are not whole.

use std::fs;
use std::path::{Path, PathBuf};

use diph_datasets::{DatasetFolder, SliceId};
use diph_formats::{NpzFile, NpzWriter};
use ndarray::{Array3, ArrayView3, Ix3};
use num_complex::Complex32;
use serde_json::{Value, json};

use crate::bench::Bench;

/// A folder of recorded outputs, or `None` with a line that says so. They are not part of the project.
fn reference(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: recorded outputs of the Python code ({name}) not present");
    None
}

fn stage<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["stages"].as_array().unwrap().iter().find(|stage| stage["name"] == name);
    found.unwrap_or_else(|| panic!("no stage `{name}` in {report:#}"))
}

fn comparison<'a>(report: &'a Value, name: &str, what: &str) -> &'a Value {
    let found = stage(report, name)["compared"].as_array().unwrap().iter().find(|one| one["name"] == what);
    found.unwrap_or_else(|| panic!("no comparison `{what}` in stage `{name}`"))
}

#[test]
fn every_stage_agrees_with_the_python_code() {
    let Some(folder) = reference("mini") else { return };
    let output = Bench::new().run(&["--json", "parity", folder.to_str().unwrap()]);
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && report["passed"] == true, "{report:#}");
    let names: Vec<&str> =
        report["stages"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    for (kind, count) in [("network, ", 2), ("sampler steps, ", 2), ("whole run, ", 6)] {
        assert_eq!(names.iter().filter(|name| name.starts_with(kind)).count(), count, "{names:?}");
    }
    for name in ["noise schedule", "fingerprints", "nufft", "conjugate gradients", "matching"] {
        assert!(!stage(&report, name)["compared"].as_array().unwrap().is_empty());
    }
    let flips = comparison(
        &report,
        "sampler steps, conditional_lambda0.0001_gamma0.01_xi1",
        "step 29: voxels with another atom",
    );
    assert_eq!(flips["flips"].as_array().unwrap().len() as f64, flips["measured"].as_f64().unwrap());
}

#[test]
fn a_network_by_itself_agrees_and_wants_its_configuration() {
    let Some(folder) = reference("prior") else { return };
    let (bench, folder) = (Bench::new(), folder.to_str().unwrap().to_owned());
    let unet = json!({ "image_size": 224, "patch": 2, "coefficients": 5, "model_channels": 64, "num_res_blocks": 1,
        "channel_mult": [1, 2, 2, 3], "num_heads": 4, "attention_resolutions": [14] });
    fs::write(bench.path("model.json"), json!({ "unet": unet }).to_string()).unwrap();
    let with_config = ["--json", "parity", &folder, "--model-config", "model.json"];
    let report: Value = serde_json::from_str(&bench.succeed(&with_config)).unwrap();
    assert_eq!(comparison(&report, "network by itself", "epsilon_150")["passed"], true);

    let said = |words: &[&str]| String::from_utf8(bench.run(words).stdout).unwrap();
    bench.fail(3, &["parity", &folder]);
    assert!(said(&["parity", &folder]).contains("--model-config"));
    fs::write(bench.path("model.json"), json!({ "unet": { "image_size": 224 } }).to_string()).unwrap();
    assert!(said(&["parity", &folder, "--model-config", "model.json"]).contains("model.json: unet: missing field"));
}

/// A folder `recorded` with the acquisition of a phantom, for outputs of one's own.
struct Outputs {
    bench: Bench,
}

const SHAPE: (usize, usize, usize) = (5, 40, 36);

impl Outputs {
    fn new() -> Self {
        let bench = Bench::with_data();
        fs::create_dir(bench.path("recorded")).unwrap();
        let data = DatasetFolder::new(bench.path("data"));
        let kspace = data.kspace_path(SliceId::new(0, 0), 4);
        for file in [data.trajectory_path().unwrap(), data.dictionary_path(4).unwrap(), kspace] {
            fs::copy(&file, bench.path("recorded").join(file.file_name().unwrap())).unwrap();
        }
        Self { bench }
    }

    fn write_nufft_pair(&self, kspace: ArrayView3<'_, Complex32>, image: ArrayView3<'_, Complex32>) {
        let x = Array3::<Complex32>::zeros(SHAPE);
        NpzWriter::new()
            .with("x", x.view())
            .with("forward", kspace)
            .with("forward_exact", kspace)
            .with("adjoint_of_y", image)
            .with("adjoint_exact", image)
            .write(self.bench.path("recorded/nufft_pair.npz"))
            .unwrap();
    }

    fn report(&self, code: i32) -> (Value, String) {
        let output = self.bench.run(&["--json", "parity", "recorded"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        (serde_json::from_slice(&output.stdout).unwrap(), error)
    }
}

#[test]
fn a_missed_tolerance_is_named_and_stages_without_files_are_too() {
    let outputs = Outputs::new();
    let image = Array3::<Complex32>::ones(SHAPE);
    outputs.write_nufft_pair(Array3::zeros((1, 100, 300)).view(), image.view());
    let (report, error) = outputs.report(4);
    assert_eq!(report["passed"], false);
    assert_eq!(comparison(&report, "nufft", "forward")["passed"], true);
    assert_eq!(comparison(&report, "nufft", "adjoint")["passed"], false);
    assert_eq!(stage(&report, "matching")["missing"], json!(["dictionary_match_pair.npz"]));
    assert_eq!(stage(&report, "noise schedule")["missing"], json!(["meta.json"]));
    assert!(error.contains("2 tolerances missed: nufft: adjoint; nufft: adjoint, direct sum; "), "{error}");
    assert!(error.contains("stages not done: noise schedule; "), "{error}");
    let table = outputs.bench.run(&["parity", "recorded"]).stdout;
    assert!(String::from_utf8(table).unwrap().contains("missing: meta.json"));
}

#[test]
fn files_that_cannot_be_used_are_named_with_their_key() {
    let outputs = Outputs::new();
    let failure = || {
        outputs.report(3).0["stages"]
            .as_array()
            .unwrap()
            .iter()
            .find_map(|stage| (stage["name"] == "nufft").then(|| stage["failed"].as_str().unwrap().to_owned()))
    };
    let image = Array3::<Complex32>::zeros(SHAPE);
    outputs.write_nufft_pair(Array3::zeros((1, 90, 300)).view(), image.view());
    let said = failure().unwrap();
    assert!(said.contains("nufft_pair.npz: key `forward`: expected [1, 100, 300], got [1, 90, 300]"), "{said}");

    let pair = outputs.bench.path("recorded/nufft_pair.npz");
    NpzWriter::new().with("x", image.view()).write(&pair).unwrap();
    assert!(NpzFile::open(&pair).unwrap().array::<Complex32, Ix3>("x", "").is_ok());
    let said = failure().unwrap();
    assert!(said.contains("nufft_pair.npz: no key `forward`"), "{said}");

    fs::write(&pair, "PK").unwrap();
    let said = failure().unwrap();
    assert!(said.contains("nufft_pair.npz: not a valid .npz file"), "{said}");
}

#[test]
fn folders_without_recorded_outputs_are_refused() {
    let bench = Bench::new();
    fs::create_dir(bench.path("empty")).unwrap();
    let error = bench.fail(3, &["parity", "empty"]);
    assert!(error.contains("empty: expected recorded outputs"), "{error}");
    assert!(bench.fail(3, &["parity", "nowhere"]).contains("nowhere"));
    let error = bench.fail(2, &["parity", "empty", "--model-config", "model.json"]);
    assert!(error.contains("--model-config: there is no pair.npz in empty"), "{error}");
}
