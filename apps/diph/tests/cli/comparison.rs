//! `diph compare` and `diph sweep` on a small measurement, cut short and taken up again.

use std::fs;
use std::time::SystemTime;

use serde_json::Value;

use crate::bench::Bench;

const DATA: [&str; 5] = ["--dataset", "data", "--cut", "4", "--json"];

fn compare(bench: &Bench, more: &[&str]) -> Value {
    serde_json::from_str(&bench.succeed(&[&["compare", "--out", "out"], &DATA[..], more].concat())).unwrap()
}

fn written(bench: &Bench, file: &str) -> SystemTime {
    fs::metadata(bench.path(file)).unwrap().modified().unwrap()
}

#[test]
fn a_comparison_writes_tables_and_figures_and_runs_only_what_is_missing() {
    let bench = Bench::with_data();
    compare(&bench, &["--methods", "svd-mrf", "--slices", "0"]);
    let first = written(&bench, "out/svd-mrf/vol0_slice0/maps.npz");

    let methods = ["--methods", "svd-mrf,lrtv"];
    let comparison = compare(&bench, &methods);
    assert_eq!(written(&bench, "out/svd-mrf/vol0_slice0/maps.npz"), first, "made again");
    for file in [
        "comparison.md",
        "comparison.csv",
        "slices.csv",
        "boxes.png",
        "time.png",
        "maps_vol0_slice1.png",
        "report.html",
    ] {
        assert!(bench.path(&format!("out/{file}")).exists(), "{file}");
    }
    assert_eq!(bench.json("out/comparison.json"), comparison);
    let ordinary = bench.recon("lrtv", "ordinary", &[]);
    let folder = bench.json("out/lrtv/metrics.json");
    assert_eq!(folder["mean"]["t1_mape_percent"], ordinary["mean"]["t1_mape_percent"]);

    // By hand from the slices: mean, deviation and paired difference of two slices, t of one degree of freedom 12.7062.
    let t1 = |method: usize, slice: usize| {
        comparison["methods"][method]["slices"][slice]["t1_mape_percent"].as_f64().unwrap()
    };
    let metric = &comparison["methods"][1]["metrics"]["t1_mape_percent"];
    assert!((metric["mean"].as_f64().unwrap() - (t1(1, 0) + t1(1, 1)) / 2.0).abs() < 1e-9);
    assert!((metric["deviation"].as_f64().unwrap() - (t1(1, 0) - t1(1, 1)).abs() / 2f64.sqrt()).abs() < 1e-9);
    let differences = [t1(1, 0) - t1(0, 0), t1(1, 1) - t1(0, 1)];
    let mean = (differences[0] + differences[1]) / 2.0;
    let half = 12.7062 * (differences[0] - differences[1]).abs() / 2.0;
    assert!((metric["difference"]["mean"].as_f64().unwrap() - mean).abs() < 1e-9);
    let high = metric["difference"]["interval"][1].as_f64().unwrap();
    assert!((high - mean - half).abs() < 1e-3 * half, "{high} instead of {}", mean + half);
    let regions = &comparison["methods"][1]["regions"];
    assert!(regions["head"]["t1"]["voxels"].as_u64() > regions["mask"]["t1"]["voxels"].as_u64());

    // A damaged slice, another seed and another version of an input are made again; nothing else is.
    fs::write(bench.path("out/lrtv/vol0_slice0/metrics.json"), "{").unwrap();
    let (kept, damaged) =
        (written(&bench, "out/lrtv/vol0_slice1/maps.npz"), written(&bench, "out/lrtv/vol0_slice0/maps.npz"));
    assert_eq!(compare(&bench, &methods)["methods"][0], comparison["methods"][0]);
    assert_eq!(written(&bench, "out/lrtv/vol0_slice1/maps.npz"), kept);
    assert!(written(&bench, "out/lrtv/vol0_slice0/maps.npz") > damaged);
    let other_seed = [&["compare", "--out", "out"], &DATA[..], &methods[..], &["--seed", "1"]].concat();
    assert!(bench.fail(2, &other_seed).contains("another number of samples"), "results are not replaced by the way");
    compare(&bench, &[&methods[..], &["--seed", "1", "--baseline", "lrtv", "--force"]].concat());
    assert!(written(&bench, "out/lrtv/vol0_slice1/maps.npz") > kept);
    let of_seed = written(&bench, "out/lrtv/vol0_slice1/maps.npz");
    fs::copy(
        bench.path("data/synthesized_ksp/ksp_vol0_slice0_cut4.npz"),
        bench.path("data/synthesized_ksp/ksp_vol0_slice1_cut4.npz"),
    )
    .unwrap();
    compare(&bench, &[&methods[..], &["--seed", "1", "--force"]].concat());
    assert!(written(&bench, "out/lrtv/vol0_slice1/maps.npz") > of_seed, "another measurement");

    let error =
        bench.fail(2, &[&["compare", "--out", "out"], &DATA[..], &methods[..], &["--baseline", "lsq"]].concat());
    assert!(error.contains("--baseline"), "{error}");
    let error = bench.fail(2, &[&["compare", "--out", "out"], &DATA[..], &["--methods", "lsq,lsq"]].concat());
    assert!(error.contains("two methods bear the name lsq"), "{error}");
}

#[test]
fn a_sweep_runs_every_method_at_every_point_once() {
    let bench = Bench::with_data();
    let sweep = |range: &str| -> Value {
        let words = ["sweep", "--out", "out", "--methods", "lrtv,wavelet", "--slices", "0", "--set-range", range];
        let steps = ["--set", "solver.fista.iterations=5"];
        serde_json::from_str(&bench.succeed(&[&words[..], &DATA[..], &steps[..]].concat())).unwrap()
    };
    sweep("solver.fista.lambda=0.01");
    let first = "out/lrtv/solver.fista.lambda=0.01/vol0_slice0/maps.npz";
    let begin = written(&bench, first);
    let results = sweep("solver.fista.lambda=0.01,0.5");
    assert_eq!(written(&bench, first), begin, "made again");
    let points = results["points"].as_array().unwrap();
    assert_eq!(points.len(), 4);
    let t1 = |index: usize| points[index]["metrics"]["t1_mape_percent"]["mean"].as_f64().unwrap();
    assert!(t1(0) != t1(1) && t1(0) != t1(2), "settings and methods make a difference");
    assert_eq!(bench.json("out/sweep.json"), results);
    assert!(bench.path("out/sweep.png").exists() && bench.path("out/sweep.csv").exists());
    assert!(fs::read_to_string(bench.path("out/sweep.md")).unwrap().contains("| lrtv | 0.5 |"));
    let method = bench.json("out/wavelet/solver.fista.lambda=0.5/vol0_slice0/method.json");
    assert_eq!(
        (&method["solver"]["fista"]["lambda"], &method["solver"]["fista"]["iterations"]),
        (&0.5.into(), &5.into())
    );

    let words = ["sweep", "--out", "none", "--methods", "lrtv,lsq", "--set-range", "solver.fista.lambda=0.1,0.2"];
    let error = bench.fail(2, &[&words[..], &DATA[..]].concat());
    assert!(error.contains("solver.fista"), "{error}");
    assert!(!bench.path("none").exists(), "nothing runs where a method lacks the key");
    let words = ["sweep", "--out", "none", "--methods", "lrtv", "--set-range", "solver.fista.lambda="];
    bench.fail(2, &[&words[..], &DATA[..]].concat());
}
