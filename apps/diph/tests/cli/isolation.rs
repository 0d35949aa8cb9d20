//! `--isolate`: plugins in processes of their own give the same bytes, and whatever one of them does ends its slice alone.

use std::fs;

use serde_json::json;

use crate::bench::Bench;
use crate::loaded_parts::{SMALL_DATA, bytes, install};
use crate::network::checkpoint;
use crate::plugin_faults::{PRIOR, build};
use crate::plugins::build_c_plugin;

/// Options that put the prior `lab.faulty` of a folder into a short run of LRTV.
const FAULTY: [&str; 4] = ["--set", r#"prior={"id":"lab.faulty"}"#, "--set", "solver.fista.iterations=3"];

/// Runs LRTV with the plugins of `folder` isolated; exit code and standard error.
fn isolated(bench: &Bench, folder: &str, out: &str) -> (Option<i32>, String) {
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", out];
    let own = ["--plugin-dir", folder, "--isolate", "--plugin-time-out", "5", "--report"];
    let output = bench.run(&[&words[..], &own, &FAULTY].concat());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn same_bytes(bench: &Bench, method: &str, options: &[&str]) {
    let open = [&["--slices", "0", "--plugin-dir", "plugins", "--force"], options].concat();
    bench.recon(method, "open", &open);
    bench.recon(method, "isolated", &[&open[..], &["--isolate"]].concat());
    for file in ["maps.npz", "tsmi.npz"] {
        assert!(bytes(bench, "open", file) == bytes(bench, "isolated", file), "{method}: {file} differs");
    }
    let library = bench.json("isolated/vol0_slice0/provenance.json")["plugins"][0]["library"].clone();
    assert_ne!(library, "built in", "{method}");
}

#[test]
fn isolated_parts_give_the_same_bytes() {
    let bench = Bench::with_data();
    install(&bench, &["diph_mrf_nufft", "diph_bloch_dictionary", "diph_sparse_prior", "diph_diffusion_prior"]);
    same_bytes(&bench, "lrtv", &["--set", "solver.fista.iterations=4"]);
    same_bytes(&bench, "llr", &["--set", "solver.fista.iterations=3"]);
    checkpoint(&bench, "net.safetensors", &json!({ "conditional": false }));
    let network = ["--set", "prior.options.checkpoint=net.safetensors", "--set", "solver.annealed.iterations=2"];
    same_bytes(&bench, "mrf-diph-unconditional", &network);
    let network = ["--set", "condition=null"].into_iter().chain(network).collect::<Vec<&str>>();
    same_bytes(&bench, "ddpm", &network);
}

#[test]
fn isolated_parts_in_c_give_the_same_bytes() {
    let bench = Bench::new();
    bench.succeed(&SMALL_DATA);
    if build_c_plugin("lab_plugin", &bench.path("plugins")).is_none() {
        return;
    }
    let parts = [r#"operator={"id":"lab.dft"}"#, r#"prior={"id":"lab.shrink"}"#, r#"projector={"id":"lab.match"}"#];
    let few = ["--set", "solver.fista.iterations=3"];
    same_bytes(&bench, "lrtv", &[&["--set", parts[0], "--set", parts[1], "--set", parts[2]], &few[..]].concat());
}

#[test]
fn a_plugin_that_ends_its_process_ends_its_slice_alone() {
    let bench = Bench::with_data();
    if build("none", &[PRIOR], &bench.path("none")).is_none() {
        return;
    }
    let (code, error) = isolated(&bench, "none", "whole");
    assert_eq!(code, Some(0), "{error}");
    for (fault, said) in [
        ("abort_once", "SIGABRT"),
        ("segv_once", "SIGSEGV"),
        ("exit_once", "exit(0)"),
        ("quick_exit_once", "exit(0)"),
        ("loop_once", "no answer after 5 s"),
        ("scribbles_once", "nonsense"),
    ] {
        build(fault, &[PRIOR], &bench.path(fault)).unwrap();
        let (code, error) = isolated(&bench, fault, &format!("out-{fault}"));
        assert_eq!(code, Some(8), "{fault}: {error}");
        for part in ["lrtv vol0_slice0", "`lab.faulty`", "denoise", said, "1 of 2 slices failed"] {
            assert!(error.contains(part), "{fault}: no `{part}` in {error}");
        }
        assert!(!bench.path(&format!("out-{fault}/vol0_slice0")).exists(), "{fault}");
        for file in ["maps.npz", "tsmi.npz"] {
            let of = |run: &str| fs::read(bench.path(run).join("vol0_slice1").join(file)).unwrap();
            assert!(of("whole") == of(&format!("out-{fault}")), "{fault}: {file} differs");
        }
        let finished = bench.json(&format!("out-{fault}/metrics.json"))["slices"].as_array().unwrap().len();
        assert_eq!(finished, 1, "{fault}");
        let report = fs::read_to_string(bench.path(&format!("out-{fault}/report.html"))).unwrap();
        assert!(report.contains("Failed: lrtv vol0_slice0"), "{fault}");
        fs::remove_file(bench.path("happened")).unwrap();
    }
}

#[test]
fn a_plugin_that_never_works_fails_every_slice() {
    let bench = Bench::with_data();
    if build("segv", &[PRIOR], &bench.path("segv")).is_none() {
        return;
    }
    let (code, error) = isolated(&bench, "segv", "segv-out");
    assert!(
        code == Some(1) && error.contains("2 of 2 slices failed") && error.contains("SIGSEGV"),
        "{code:?}: {error}"
    );
    build("writes_nothing", &[PRIOR], &bench.path("nothing")).unwrap();
    let (code, error) = isolated(&bench, "nothing", "nothing-out");
    assert!(code == Some(1) && error.contains("result holds a value that is not finite"), "{code:?}: {error}");
    for (fault, said) in [("exit_in_constructor", "exit(0)"), ("segv_in_init", "SIGSEGV"), ("init_fails", "no licence")]
    {
        build(fault, &[PRIOR], &bench.path(fault)).unwrap();
        let (code, error) = isolated(&bench, fault, fault);
        assert!(code == Some(1) && error.contains(said) && error.contains(fault), "{fault}: {code:?}: {error}");
    }
}

#[test]
fn a_comparison_goes_on_with_the_next_method() {
    let bench = Bench::with_data();
    if build("none", &[PRIOR], &bench.path("none")).is_none() {
        return;
    }
    assert_eq!(isolated(&bench, "none", "whole").0, Some(0));
    let mut method = bench.json("whole/vol0_slice0/method.json");
    method["name"] = "own".into();
    fs::write(bench.path("own.json"), method.to_string()).unwrap();
    build("abort_once", &[PRIOR], &bench.path("abort_once")).unwrap();
    let words = ["compare", "--dataset", "data", "--cut", "4", "--methods", "own.json,svd-mrf", "--out", "compared"];
    let own = ["--isolate", "--plugin-dir", "abort_once"];
    let error = bench.fail(8, &[&words[..], &own].concat());
    assert!(error.contains("own vol0_slice0") && error.contains("1 of 4 slices failed"), "{error}");
    assert!(bench.path("compared/svd-mrf/vol0_slice1/maps.npz").exists());
    // What can be compared is: slices that both methods have. What failed is named with its reason.
    let comparison = bench.json("compared/comparison.json");
    for method in comparison["methods"].as_array().unwrap() {
        let slices = method["slices"].as_array().unwrap();
        assert!(slices.len() == 1 && slices[0]["slice"] == 1, "{method}");
        assert_eq!(method["metrics"]["t1_mape_percent"]["mean"], slices[0]["t1_mape_percent"]);
    }
    assert_eq!(comparison["left_out"], json!(["vol0_slice0"]));
    assert!(comparison["failed"][0]["reason"].as_str().unwrap().contains("SIGABRT"), "{comparison}");
    for file in ["comparison.md", "report.html"] {
        let text = fs::read_to_string(bench.path("compared").join(file)).unwrap();
        assert!(text.contains("Left out: vol0_slice0") && text.contains("Failed: own vol0_slice0"), "{file}: {text}");
    }
    // The same command makes what is missing.
    bench.succeed(&[&words[..], &own].concat());
    let comparison = bench.json("compared/comparison.json");
    assert_eq!(comparison["methods"][0]["slices"].as_array().unwrap().len(), 2);
    assert_eq!((&comparison["failed"], &comparison["left_out"]), (&json!(null), &json!(null)));
    fs::remove_file(bench.path("happened")).unwrap();
    let words = ["sweep", "--dataset", "data", "--cut", "4", "--methods", "own.json", "--out", "swept"];
    let error = bench.fail(8, &[&words[..], &own, &["--set-range", "solver.fista.lambda=0.01,0.02"]].concat());
    assert!(error.contains("own solver.fista.lambda=0.01 vol0_slice0"), "{error}");
    assert!(error.contains("1 of 4 slices failed"), "{error}");
    let points = bench.json("swept/sweep.json")["points"].as_array().unwrap().clone();
    assert!(points.len() == 2 && points.iter().all(|point| point["metrics"]["seconds"]["slices"] == 1), "{points:?}");
    assert!(fs::read_to_string(bench.path("swept/sweep.md")).unwrap().contains("Left out: vol0_slice0"));
    // A point of which every slice failed is no row, and keeps no other one from being one.
    fs::remove_file(bench.path("happened")).unwrap();
    let words = [&words[..7], &["--slices", "0", "--out", "one-point"]].concat();
    let error = bench.fail(8, &[&words[..], &own, &["--set-range", "solver.fista.lambda=0.01,0.02"]].concat());
    assert!(error.contains("1 of 2 slices failed"), "{error}");
    assert_eq!(bench.json("one-point/sweep.json")["points"].as_array().unwrap().len(), 1);
}
