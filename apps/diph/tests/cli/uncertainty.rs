//! Deviations, their calibration and trusted voxels on a small measurement.

use std::fs;

use diph_formats::NpzFile;
use ndarray::{ArrayD, Ix2, IxDyn};
use serde_json::{Value, json};

use crate::bench::Bench;

/// Two slices of volumes 0 and 1 each, and the method `gaussian.json` with a spectrum of their acquisition.
fn bench() -> Bench {
    let bench = Bench::with_data();
    bench.simulate("data", &["--vols", "1"]);
    let spectrum = ["train", "--objective", "spectrum", "--dataset", "data", "--vols", "0", "--acquisition", "data"];
    bench.succeed(&[&spectrum[..], &["--cut", "4", "--out", "s.safetensors"]].concat());
    let set =
        ["--slices", "0", "--vols", "0", "--set", "prior.options.spectrum=s.safetensors", "--set", "name=gaussian"];
    bench.recon("mmse", "mean", &set);
    fs::copy(bench.path("mean/vol0_slice0/method.json"), bench.path("gaussian.json")).unwrap();
    bench
}

fn map(bench: &Bench, run: &str, key: &str) -> ArrayD<f32> {
    let path = bench.path(&format!("{run}/vol0_slice0/maps.npz"));
    NpzFile::open(path).unwrap().array::<f32, IxDyn>(key, "").unwrap()
}

fn source(bench: &Bench, run: &str) -> String {
    let path = bench.path(&format!("{run}/vol0_slice0/maps.npz"));
    let source = NpzFile::open(path).unwrap().array::<String, IxDyn>("deviation_source", "").unwrap();
    source.iter().next().unwrap().clone()
}

fn trusted(bench: &Bench, run: &str) -> usize {
    let path = bench.path(&format!("{run}/vol0_slice0/maps.npz"));
    let trusted = NpzFile::open(path).unwrap().array::<bool, Ix2>("trusted", "").unwrap();
    trusted.iter().filter(|trusted| **trusted).count()
}

const SLICE: [&str; 4] = ["--vols", "0", "--slices", "0"];

#[test]
fn samples_give_deviations_around_the_mean_that_the_method_knows() {
    let bench = bench();
    let several = [&SLICE[..], &["--samples", "3", "--report"]].concat();
    let results = bench.recon("gaussian.json", "several", &several);
    for key in ["T1", "T2", "PD"] {
        let of = |run: &str| fs::read(bench.path(&format!("{run}/vol0_slice0/tsmi.npz"))).unwrap();
        assert_eq!(of("mean"), of("several"), "{key}: the estimate does not depend on the samples");
    }
    let slice = &results["slices"][0];
    assert_eq!(slice["samples"].as_array().unwrap().len(), 3);
    let mean = |of: &str| {
        slice["samples"].as_array().unwrap().iter().map(|sample| sample[of].as_f64().unwrap()).sum::<f64>() / 3.0
    };
    assert!(slice["tsmi_nrmse"].as_f64().unwrap() < mean("tsmi_nrmse"), "samples are farther off than their mean");
    let coverage = &slice["certainty"]["head"];
    assert!(coverage["t1"]["within_2_percent"].as_f64() > coverage["t1"]["within_1_percent"].as_f64());
    assert!(coverage["trusted_percent"].as_f64().unwrap() > 0.0);

    for (name, value) in [("t1_deviation", "T1"), ("t2_deviation", "T2")] {
        let (deviation, value) = (map(&bench, "several", name), map(&bench, "several", value));
        assert!(
            deviation.iter().all(|deviation| *deviation >= 0.0) && deviation.iter().any(|deviation| *deviation > 0.0)
        );
        assert_eq!(deviation.shape(), value.shape());
    }
    assert_eq!(source(&bench, "several"), "samples");
    assert!(trusted(&bench, "several") <= trusted(&bench, "mean"), "deviations are one more reason for doubt");
    let report = fs::read_to_string(bench.path("several/report.html")).unwrap();
    assert!(report.contains("of the head to be trusted") && report.contains("not calibrated"));
    assert!(bench.path("several/vol0_slice0/posterior.png").exists());
    let evaluated: Value = serde_json::from_str(&bench.succeed(&[
        "--json",
        "evaluate",
        "--dataset",
        "data",
        "--results",
        "several",
        "--cut",
        "4",
    ]))
    .unwrap();
    let (own, again) =
        (&slice["certainty"]["mask"]["t2"]["z_rms"], &evaluated["mean"]["certainty"]["mask"]["t2"]["z_rms"]);
    assert!((own.as_f64().unwrap() / again.as_f64().unwrap() - 1.0).abs() < 1e-3, "{own} {again}");

    bench.recon("gaussian.json", "again", &several[..6]);
    for file in ["maps.npz", "posterior.npz", "samples/sample_0003.npz"] {
        let read = |run: &str| fs::read(bench.path(&format!("{run}/vol0_slice0/{file}"))).unwrap();
        assert_eq!(read("several"), read("again"), "{file}: same seed, same bytes");
    }
}

#[test]
fn a_calibration_is_fitted_on_one_volume_and_applied_to_another() {
    let bench = bench();
    let calibrate = |more: &[&str]| {
        let words =
            ["--json", "calibrate", "--methods", "gaussian.json", "--dataset", "data", "--cut", "4", "--out", "cal"];
        let found: Value = serde_json::from_str(&bench.succeed(&[&words[..], more].concat())).unwrap();
        found
    };
    let words = ["--vols", "1", "--samples", "4", "--simulate", "--brightness", "0.005,0.01"];
    let found = calibrate(&words);
    let maps = &found[0]["maps"];
    assert_eq!((&maps[0]["map"], &maps[1]["map"]), (&json!("T1"), &json!("T2")));
    assert!(!maps[1]["ranges"].as_array().unwrap().is_empty());
    for file in ["calibration.json", "method.json", "reliability.json", "reliability.csv", "reliability.png"] {
        assert!(bench.path(&format!("cal/gaussian/{file}")).exists(), "{file}");
    }
    let results = "cal/gaussian/brightness-0.005/vol1_slice0/metrics.json";
    let written = fs::metadata(bench.path(results)).unwrap().modified().unwrap();
    let first = fs::read(bench.path("cal/gaussian/calibration.json")).unwrap();
    calibrate(&words);
    assert_eq!(fs::metadata(bench.path(results)).unwrap().modified().unwrap(), written, "made again");
    assert_eq!(fs::read(bench.path("cal/gaussian/calibration.json")).unwrap(), first);

    let samples = [&SLICE[..], &["--samples", "4"]].concat();
    bench.recon("gaussian.json", "plain", &samples);
    bench.recon("cal/gaussian/method.json", "calibrated", &samples);
    assert_eq!((source(&bench, "plain").as_str(), source(&bench, "calibrated").as_str()), ("samples", "calibrated"));
    assert_eq!(map(&bench, "plain", "T1"), map(&bench, "calibrated", "T1"), "a calibration changes no map");
    assert_ne!(map(&bench, "plain", "t1_deviation"), map(&bench, "calibrated", "t1_deviation"));
    // The same by the name of the file.
    bench.recon(
        "gaussian.json",
        "named",
        &[&samples[..], &["--set", "calibration=cal/gaussian/calibration.json"]].concat(),
    );
    assert_eq!(map(&bench, "named", "t2_deviation"), map(&bench, "calibrated", "t2_deviation"));
    let inputs = bench.json("named/vol0_slice0/provenance.json")["inputs"].to_string();
    assert!(inputs.contains("cal/gaussian/calibration.json"), "{inputs}");

    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "cal/gaussian/method.json", "--out", "other"];
    let other = ["--set", "solver.posterior-mean.iterations=3"];
    let output = bench.run(&[&words[..], &samples, &other].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("its calibration does not hold here"), "{said}");
    assert_eq!(source(&bench, "other"), "samples");

    let words = ["compare", "--dataset", "data", "--cut", "4", "--vols", "0", "--samples", "4", "--out", "compared"];
    bench.succeed(&[&words[..], &["--methods", "svd-mrf,cal/gaussian/method.json"]].concat());
    let comparison = bench.json("compared/comparison.json");
    assert!(comparison["methods"][1]["metrics"]["head_t1_within_1_percent"]["mean"].as_f64().unwrap() > 0.0);
    assert!(comparison["methods"][0]["metrics"].get("head_t1_within_1_percent").is_none());
    assert!(
        fs::read_to_string(bench.path("compared/comparison.csv")).unwrap().contains("gaussian,t2_within_2_percent,%")
    );
}

#[test]
fn what_cannot_be_calibrated_is_said() {
    let bench = Bench::with_data();
    let words = ["calibrate", "--dataset", "data", "--cut", "4", "--out", "cal", "--methods"];
    let fail = |more: &[&str], expected: &str| {
        let error = bench.fail(2, &[&words[..], more].concat());
        assert!(error.contains(expected), "{more:?}: {error}");
    };
    fail(&["lrtv"], "`lrtv` has no posterior to sample from");
    fail(&["mmse", "--samples", "1"], "at least 2");
    fail(&["mmse", "--brightness", "0.01"], "--simulate");
    fail(&["mmse", "--simulate", "--brightness", "0"], "positive number");
    let recon = ["recon", "--dataset", "data", "--cut", "4", "--out", "out", "--method", "mmse", "--samples", "2"];
    let error = bench.fail(2, &[&recon[..], &["--set", "trust.signals=1"]].concat());
    assert!(error.contains("trust.signals"), "{error}");
    let error = bench.fail(2, &[&recon[..], &["--set", "calibration={\"t1\": [[0.1, 0.2]]}"]].concat());
    assert!(error.contains("calibration"), "{error}");
    assert!(!bench.path("cal").exists() && !bench.path("out").exists());
}
