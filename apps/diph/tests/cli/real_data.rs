//! Real slices of a volunteer through the command line.
//!
//! The in-vivo data are not part of the project; the test says so and passes where they are absent.

use std::path::Path;

use serde_json::Value;

use crate::bench::Bench;

/// The CPU-sized network of the reference data: unconditional, trained elsewhere, in the units that it was trained in.
#[test]
fn a_small_unconditional_network_reaches_its_accuracy() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let (dataset, weights) = (shared.join("data/Deli-CS"), shared.join("reference/prior/unconditional_patch2.pt"));
    if !dataset.is_dir() || !weights.is_file() {
        eprintln!("skipped: the in-vivo Deli-CS maps or the reference network are not present");
        return;
    }
    let bench = Bench::new();
    let config = r#"{ "unet": { "image_size": 224, "patch": 2, "coefficients": 5, "model_channels": 64,
        "channel_mult": [1, 2, 2, 3], "num_res_blocks": 1, "num_heads": 4, "attention_resolutions": [14] } }"#;
    std::fs::write(bench.path("network.json"), config).unwrap();
    let prior = serde_json::json!({ "checkpoint": weights, "config": "network.json" });
    let prior = format!("prior.options={prior}");
    let words = ["--json", "recon", "--dataset", dataset.to_str().unwrap(), "--vols", "0", "--slices", "5"];
    let method =
        ["--method", "mrf-diph-unconditional", "--out", "out", "--set", &prior, "--set", "intensity=0.0030736795"];
    let scale = ["--set", "weights=density-compensation", "--set", "solver.annealed.data.lambda=1"];
    let results: Value = serde_json::from_str(&bench.succeed(&[&words[..], &method, &scale].concat())).unwrap();
    let metric = |name: &str| results["mean"][name].as_f64().unwrap();
    let (t1, t2) = (metric("t1_mape_percent"), metric("t2_mape_percent"));
    eprintln!("small network: T1 {t1:.1} %, T2 {t2:.1} %");
    assert!(t1 < 26.0 && t2 < 80.0, "T1 {t1} %, T2 {t2} %");
}

#[test]
fn total_variation_with_one_setting_beats_its_published_bar_on_three_slices() {
    let dataset = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/Deli-CS");
    if !dataset.is_dir() {
        eprintln!("skipped: the in-vivo Deli-CS maps are not present");
        return;
    }
    let bench = Bench::new();
    let results = |method: &str| -> Value {
        let dataset = dataset.to_str().unwrap();
        let words = ["--json", "recon", "--dataset", dataset, "--vols", "0", "--slices", "5,10,15", "--cut", "3"];
        let text = bench.succeed(&[&words[..], &["--method", method, "--out", method]].concat());
        serde_json::from_str(&text).unwrap()
    };
    let mean = |results: &Value, metric: &str| results["mean"][metric].as_f64().unwrap();
    let (adjoint, total_variation) = (results("svd-mrf"), results("lrtv"));
    let bars = [(34.8, 89.0), (33.7, 83.0), (38.9, 84.0)];
    for (slice, (t1, t2)) in total_variation["slices"].as_array().unwrap().iter().zip(bars) {
        assert_eq!(slice["simulated_kspace"], false);
        assert!(slice["t1_mape_percent"].as_f64().unwrap() < t1 && slice["t2_mape_percent"].as_f64().unwrap() < t2);
    }
    let (t1, t2) = (mean(&total_variation, "t1_mape_percent"), mean(&total_variation, "t2_mape_percent"));
    eprintln!("lrtv: T1 {t1:.1} %, T2 {t2:.1} %; svd-mrf: T1 {:.1} %", mean(&adjoint, "t1_mape_percent"));
    assert!(t1 < 31.0 && t2 < 65.0, "T1 {t1} %, T2 {t2} %");
    // A double-precision NUFFT and brute-force matching in Python give 55.1, 54.2 and 49.7 % for the three.
    assert!((mean(&adjoint, "t1_mape_percent") - 53.0).abs() < 1.0);
}
