//! Volumes from the simulation to maps on the disk.

use std::fs;

use diph_formats::NpzFile;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::network::checkpoint;

/// Methods name an operator of planes.
const CARTESIAN: [&str; 2] = ["--set", r#"operator={"id":"diph.cartesian"}"#];

/// With volumes of a phantom in `data`: 100 frames of a few Cartesian lines each.
fn with_volumes(size: &str, lines: &str, more: &[&str]) -> Bench {
    let bench = Bench::new();
    let words = ["simulate", "--phantom", size, "--lines", lines, "--cut", "4", "--out", "data"];
    bench.succeed(&[&words[..], more].concat());
    bench
}

fn mean(results: &Value, metric: &str) -> f64 {
    results["mean"][metric].as_f64().unwrap_or_else(|| panic!("no {metric} in {results}"))
}

fn shape(bench: &Bench, file: &str, key: &str) -> Vec<usize> {
    NpzFile::open(bench.path(file)).unwrap().shape(key).unwrap()
}

#[test]
fn a_small_volume_is_reconstructed_as_a_volume() {
    let bench = with_volumes("8x48x48", "24", &["--trajectory", "cartesian"]);
    assert_eq!(shape(&bench, "data/acquisition/trajectory.npz", "trajectory"), [100, 24 * 48, 3]);
    assert_eq!(shape(&bench, "data/qmaps/qmaps_vol0_slice0.npz", "qmaps"), [4, 8, 48, 48]);
    let least_squares = bench.recon("lsq", "lsq", &CARTESIAN);
    let variation = bench.recon("lrtv", "lrtv", &[&CARTESIAN[..], &["--report"]].concat());
    for metric in ["tsmi_nrmse", "t1_mape_percent", "t2_mape_percent"] {
        let (ours, theirs) = (mean(&variation, metric), mean(&least_squares, metric));
        println!("{metric}: lrtv {ours:.4}, lsq {theirs:.4}");
        assert!(ours < theirs, "{metric}: {ours} with total variation, {theirs} by least squares");
    }
    for run in ["lsq", "lrtv"] {
        let maps = format!("{run}/vol0_slice0/maps.npz");
        assert_eq!(shape(&bench, &maps, "qmaps"), [4, 8, 48, 48]);
        for map in ["T1", "T2", "PD"] {
            assert_eq!(shape(&bench, &maps, map), [8, 48, 48], "{map}");
        }
        assert_eq!(shape(&bench, &format!("{run}/vol0_slice0/tsmi.npz"), "tsmi"), [5, 8, 48, 48]);
        assert!(bench.path(&format!("{run}/vol0_slice0/maps.png")).exists());
    }
    let report = fs::read_to_string(bench.path("lrtv/report.html")).unwrap();
    assert!(report.contains("vol0_slice0, plane 5 of 8"));
    let words = ["--json", "evaluate", "--dataset", "data", "--results", "lrtv", "--cut", "4"];
    let evaluated: Value = serde_json::from_str(&bench.succeed(&words)).unwrap();
    for metric in ["t1_mape_percent", "tsmi_nrmse"] {
        assert!((mean(&variation, metric) - mean(&evaluated, metric)).abs() < 1e-6, "{metric}");
    }
}

#[test]
fn coils_and_samples_of_the_posterior_of_a_volume() {
    let bench = with_volumes("3x24x20", "18", &["--coils", "2"]);
    assert_eq!(shape(&bench, "data/acquisition/coil_maps.npz", "coil_maps"), [2, 3, 24, 20]);
    // Without maps that tell the size.
    fs::remove_dir_all(bench.path("data/qmaps")).unwrap();
    checkpoint(&bench, "net.safetensors", &json!({ "conditional": false }));
    let network = "prior.options.checkpoint=net.safetensors";
    let steps = "solver.annealed.iterations=2";
    let size = ["--image-size", "3x24x20", "--set", steps, "--set", network, "--samples", "2"];
    bench.recon("mrf-diph-unconditional", "out", &[&CARTESIAN[..], &size].concat());
    for (file, key, expected) in [
        ("posterior.npz", "maps_std", vec![4, 3, 24, 20]),
        ("samples/sample_0002.npz", "tsmi", vec![5, 3, 24, 20]),
        ("maps.npz", "t1_deviation", vec![3, 24, 20]),
        ("maps.npz", "trusted", vec![3, 24, 20]),
    ] {
        assert_eq!(shape(&bench, &format!("out/vol0_slice0/{file}"), key), expected, "{key}");
    }
    assert!(bench.path("out/vol0_slice0/posterior.png").exists());
}

#[test]
fn parts_that_take_planes_say_what_to_take() {
    let bench = with_volumes("2x24x20", "12", &["--coils", "2"]);
    let fail = |code: i32, method: &str, more: &[&str], expected: &str| {
        let words = ["recon", "--dataset", "data", "--cut", "4", "--method", method, "--out", "out"];
        let error = bench.fail(code, &[&words[..], more].concat());
        assert!(error.contains(expected), "{method} {more:?}: {error}");
    };
    fail(1, "lsq", &[], "got one of 2 x 24 x 20; take another operator: diph.cartesian");
    let posterior_mean = [&CARTESIAN[..], &["--set", r#"solver={"posterior-mean":{}}"#]].concat();
    fail(1, "lrtv", &posterior_mean, "posterior-mean: expected an image of a plane");
    let estimator = [&CARTESIAN[..], &["--set", r#"estimator={"id":"diph.regression"}"#]].concat();
    fail(1, "lsq", &estimator, "no estimator here takes it");
    let walsh = [&CARTESIAN[..], &["--coils", "walsh"]].concat();
    fail(2, "lsq", &walsh, "--coils: expected a file of sensitivities (coil, z, y, x)");
    fail(2, "ddpm", &[&CARTESIAN[..], &["--report"]].concat(), "--report: the files of annealed runs");
    let training = ["train", "--out", "run", "--dataset", "data", "--acquisition", "data", "--cut", "4"];
    let error = bench.fail(3, &training);
    assert!(error.contains("training takes slices"), "{error}");
}

#[test]
fn what_cannot_measure_a_volume_is_refused() {
    let bench = Bench::new();
    for (more, expected) in [
        (&["--trajectory", "spiral"][..], "--trajectory: lies in a plane; take cartesian"),
        (&["--samples", "100"], "--samples: has no effect"),
        (&["--lines", "49"], "--lines: cartesian: sampling: lines: expected 1 to 48"),
    ] {
        let words = ["simulate", "--phantom", "2x24x20", "--cut", "4", "--out", "data"];
        let error = bench.fail(2, &[&words[..], more].concat());
        assert!(error.contains(expected), "{more:?}: {error}");
    }
    let words = ["simulate", "--phantom", "30x24x20", "--cut", "4", "--out", "data"];
    assert!(bench.fail(2, &words).contains("--phantom: brain phantom: depth: expected 1 to 10 planes of 10.0 mm"));
    let plane = ["simulate", "--phantom", "24x20", "--cut", "4", "--lines", "3", "--out", "data"];
    assert!(bench.fail(2, &plane).contains("--lines: has no effect but on --trajectory cartesian"));
    bench.succeed(&[&plane[..], &["--trajectory", "cartesian"]].concat());
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lsq", "--out", "out"];
    let error = bench.fail(3, &[&words[..], &["--image-size", "2x24x20"]].concat());
    assert!(error.contains("positions: expected 3 columns (kz, ky, kx) for an image of 2 x 24 x 20, got 2"), "{error}");
}
