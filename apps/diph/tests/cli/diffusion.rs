//! The diffusion prior in reconstructions: methods, switches, reports, samples and bad checkpoints.

use std::fs;

use diph_datasets::{ResultLogRow, SampleResults};
use diph_formats::NpzFile;
use ndarray::{Array2, Ix2, Ix3};
use num_complex::Complex32;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::network::{checkpoint, config, parameters, write};

const CONDITIONAL: &str = "mrf-diph-conditional";
const SOLVER: &str = "solver.annealed";

/// A bench with data and the tiny network `net.safetensors`.
fn bench() -> Bench {
    let bench = Bench::with_data();
    checkpoint(&bench, "net.safetensors", &json!({}));
    bench
}

/// Four steps on slice 0 with the tiny network and further words.
fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    const STEPS: &str = "solver.annealed.iterations=4";
    let own = ["--slices", "0", "--set", "prior.options.checkpoint=net.safetensors", "--set", STEPS];
    [&own[..], more].concat()
}

fn run(bench: &Bench, method: &str, out: &str, more: &[&str]) -> Value {
    bench.recon(method, out, &words(more))
}

fn refused(bench: &Bench, code: i32, method: &str, more: &[&str]) -> String {
    let first = ["recon", "--dataset", "data", "--cut", "4", "--out", "none", "--method", method];
    bench.fail(code, &[&first[..], &words(more)].concat())
}

fn image(bench: &Bench, out: &str) -> Vec<u8> {
    fs::read(bench.path(&format!("{out}/vol0_slice0/tsmi.npz"))).unwrap()
}

#[test]
fn every_method_runs_is_reproducible_and_names_its_checkpoint() {
    let bench = bench();
    for method in ["ddpm", "mrf-diph-unconditional", CONDITIONAL] {
        let results = run(&bench, method, method, &[]);
        assert!(results["mean"]["tsmi_nrmse"].as_f64().unwrap() < 3.0);
        run(&bench, method, "again", &["--force"]);
        assert_eq!(image(&bench, method), image(&bench, "again"), "{method}: same seed, same bytes");
        run(&bench, method, "again", &["--seed", "1", "--force"]);
        assert_ne!(image(&bench, method), image(&bench, "again"), "{method}: another seed");
        let provenance = bench.json(&format!("{method}/vol0_slice0/provenance.json"));
        let inputs = provenance["inputs"].as_array().unwrap();
        let network = inputs.iter().find(|input| input["path"] == "net.safetensors").unwrap();
        assert_eq!(network["sha256"].as_str().unwrap().len(), 64);
    }
    assert_ne!(image(&bench, "mrf-diph-unconditional"), image(&bench, CONDITIONAL));
}

/// Every switch of the Python code's command line changes the result: none is passed over in silence.
#[test]
fn switches_have_an_effect() {
    let bench = bench();
    let compare = |base: &[&str], switches: &[&str]| {
        run(&bench, CONDITIONAL, "base", &[base, &["--force"]].concat());
        for switch in switches {
            run(&bench, CONDITIONAL, "switched", &[base, &["--set", switch, "--force"]].concat());
            assert_ne!(image(&bench, "base"), image(&bench, "switched"), "{switch}");
        }
    };
    compare(
        &[],
        &[
            "solver.annealed.data.lambda=0.2",
            "solver.annealed.data.cg.max_iterations=2",
            "solver.annealed.data=null",
            "solver.annealed.physics.gamma=0.02",
            "solver.annealed.physics.gamma_fixed=true",
            "solver.annealed.physics.dual_only=true",
            "solver.annealed.physics=null",
            "solver.annealed.renoising.blend.xi=0.5",
            "solver.annealed.renoising.blend.sigma_level=2",
            "solver.annealed.renoising=ddpm-posterior",
            "prior.options.clip_denoised=true",
            "prior.options.respacing=3,1",
            "prior.options.use_condition=false",
            "prior.options.image_size=32",
            "condition=adjoint",
            "weights=density-compensation",
            "intensity=0.01",
        ],
    );
}

#[test]
fn switches_that_would_have_no_effect_are_refused() {
    let bench = bench();
    for (method, switch, said) in [
        (CONDITIONAL, "renoising.blend.sigma_level=4", "an index below 4"),
        (CONDITIONAL, "renoising.blend.xi=2", "a number from 0 to 1"),
        (CONDITIONAL, "data.lambda=0", "gamma_fixed where lambda is 0"),
    ] {
        let error = refused(&bench, 1, method, &["--set", &format!("{SOLVER}.{switch}")]);
        assert!(error.contains(said), "{method}, {switch}: {error}");
    }
    for (code, method, switch, said) in [
        (2, CONDITIONAL, "penalty=2", "unknown field `penalty`"),
        (2, "ddpm", "data.cg.max_iterations=2", "missing field `lambda`"),
        (2, "ddpm", "physics.gamma_fixed=true", "missing field `gamma`"),
        (2, "ddpm", "renoising.blend.xi=0.5", "is a string"),
        (2, "ddpm", "physics.gamma=0.1", "has no effect on ddpm: the data take no part"),
    ] {
        let error = refused(&bench, code, method, &["--set", &format!("{SOLVER}.{switch}")]);
        assert!(error.contains(said), "{method}, {switch}: {error}");
    }
    let change = "prior.id=diph.total-variation";
    let error = refused(&bench, 1, CONDITIONAL, &["--set", change, "--set", "prior.options={}"]);
    assert!(error.contains("a prior with a noise schedule"), "{error}");
    for (option, said) in [
        ("clip_denoised=perhaps", "expected a boolean"),
        ("clip=true", "unknown field `clip`"),
        ("respacing=2,1", "which has 3"),
        ("image_size=30", "image_size: expected a multiple of 4"),
        ("config=net.json", "net.json"),
        ("condition=pencil", "`pencil`"),
    ] {
        let error = refused(&bench, 1, CONDITIONAL, &["--set", &format!("prior.options.{option}")]);
        assert!(error.contains("diph.diffusion") && error.contains(said), "{option}: {error}");
    }
    let error = refused(&bench, 2, CONDITIONAL, &["--set", "condition=cg-0"]);
    assert!(error.contains("expected `adjoint`, `cg-N`"), "{error}");
}

#[test]
fn the_report_has_every_step_in_the_python_layout() {
    let bench = bench();
    let results = run(&bench, CONDITIONAL, "out", &["--report"]);
    let rows = ResultLogRow::read_all(bench.path("out/log_res.csv")).unwrap();
    assert_eq!(rows.iter().map(|row| row.iteration).collect::<Vec<_>>(), [4, 3, 2, 1]);
    assert!(rows.iter().all(|row| (row.gamma, row.lmbda, row.xi) == (0.01, 0.001, 1.0)));
    let last = &rows[3];
    let metric = |name: &str| results["slices"][0][name].as_f64().unwrap();
    assert!((last.mape_t1.unwrap() - metric("t1_mape_percent") / 100.0).abs() < 1e-6);
    assert!((last.nrmse_zt.unwrap() - metric("tsmi_nrmse")).abs() < 1e-6);
    assert!((last.nrmse_kspace_zt.unwrap() - metric("kspace_nrmse")).abs() < 1e-6);
    assert!(last.nrmse_xhat.unwrap() > 0.0 && last.nrmse_kspace_xtilda.unwrap() > 0.0);
    for file in ["steps.png", "steps/step_0001.png", "steps/step_0004.png"] {
        assert!(bench.path(&format!("out/vol0_slice0/{file}")).exists(), "{file}");
    }
    assert!(fs::read_to_string(bench.path("out/report.html")).unwrap().contains("steps of the solver"));

    let samples = SampleResults::read(bench.path("out/samples_net_1x10x40x36.npz")).unwrap();
    let mut maps = NpzFile::open(bench.path("out/vol0_slice0/maps.npz")).unwrap();
    let maps = maps.array::<f32, Ix3>("qmaps", "").unwrap();
    let t2 = |stack: ndarray::ArrayView3<'_, f32>| stack.index_axis(ndarray::Axis(0), 1).to_owned();
    assert_eq!(t2(samples.qmaps.index_axis(ndarray::Axis(0), 0)), t2(maps.view()));
    assert!(samples.z_t.iter().any(|value| *value != Complex32::ZERO));
    let evaluate =
        ["--json", "evaluate", "--dataset", "data", "--cut", "4", "--vols", "0", "--slices", "0", "--results"];
    let evaluated = |file: &str| -> f64 {
        let text = bench.succeed(&[&evaluate[..], &[file]].concat());
        serde_json::from_str::<Value>(&text).unwrap()["mean"]["tsmi_nrmse"].as_f64().unwrap()
    };
    assert!((evaluated("out/samples_net_1x10x40x36.npz") - metric("tsmi_nrmse")).abs() < 1e-6);
    bench.succeed(&["convert", "samples", "out/samples_net_1x10x40x36.npz", "converted"]);
    let image = |file: &str, key: &str| {
        let image = NpzFile::open(bench.path(file)).unwrap().array::<Complex32, Ix3>(key, "").unwrap();
        image.into_raw_vec_and_offset().0
    };
    let (ours, converted) = (image("out/vol0_slice0/tsmi.npz", "tsmi"), image("converted/sample0/tsmi.npz", "z"));
    assert!(diph_core::metrics::nrmse(&ours, &converted) < 1e-6, "images come back in physical units");
    let pd = |file: &str| NpzFile::open(bench.path(file)).unwrap().array::<f32, Ix3>("qmaps", "").unwrap();
    let (ours, converted) = (pd("out/vol0_slice0/maps.npz"), pd("converted/sample0/maps.npz"));
    let largest =
        |maps: &ndarray::Array3<f32>| maps.index_axis(ndarray::Axis(0), 2).iter().fold(0.0, |a: f32, b| a.max(b.abs()));
    assert!((largest(&ours) / largest(&converted) - 1.0).abs() < 1e-5, "PD too");
    let factors = diph_datasets::IntensityFactors { reference: 0.5, ..Default::default() };
    factors.write(bench.path("data/intensity_factors.json")).unwrap();
    run(&bench, CONDITIONAL, "own", &["--report"]);
    assert!((evaluated("own/samples_net_1x10x40x36.npz") - metric("tsmi_nrmse")).abs() < 1e-6, "factors of the folder");

    run(&bench, "ddpm", "ddpm", &["--report"]);
    let rows = ResultLogRow::read_all(bench.path("ddpm/log_res.csv")).unwrap();
    assert!(rows.iter().all(|row| row.nrmse_zt.is_none() && row.nrmse_xhat == row.nrmse_xtilda));
    let samples = SampleResults::read(bench.path("ddpm/samples_net_1x10x40x36.npz")).unwrap();
    assert!(samples.z_t.iter().all(|value| *value == Complex32::ZERO), "no projector in the loop");
}

#[test]
fn a_report_without_the_truth_says_what_it_can() {
    let bench = bench();
    for folder in ["qmaps", "reference_tsmi"] {
        fs::remove_dir_all(bench.path("data").join(folder)).unwrap();
    }
    run(&bench, CONDITIONAL, "out", &["--report", "--image-size", "40x36"]);
    let rows = ResultLogRow::read_all(bench.path("out/log_res.csv")).unwrap();
    assert!(rows.iter().all(|row| row.mape_t1.is_none() && row.nrmse_zt.is_none() && row.nrmse_kspace_zt.is_some()));
    assert!(bench.path("out/vol0_slice0/steps.png").exists());
}

#[test]
fn several_samples_give_a_mean_and_a_deviation() {
    let bench = bench();
    let results = run(&bench, CONDITIONAL, "out", &["--samples", "3"]);
    let slice = &results["slices"][0];
    let single: Vec<f64> =
        slice["samples"].as_array().unwrap().iter().map(|sample| sample["tsmi_nrmse"].as_f64().unwrap()).collect();
    assert_eq!(single.len(), 3);
    assert!(slice["tsmi_nrmse"].as_f64().unwrap() < single.iter().sum::<f64>() / 3.0, "the mean is better than one");

    let mut file = NpzFile::open(bench.path("out/vol0_slice0/posterior.npz")).unwrap();
    let mean = file.array::<f32, Ix3>("maps_mean", "").unwrap();
    let deviation = file.array::<f32, Ix3>("maps_std", "").unwrap();
    assert_eq!((mean.dim(), deviation.dim()), ((4, 40, 36), (4, 40, 36)));
    let sample = |number: usize| {
        let path = bench.path(&format!("out/vol0_slice0/samples/sample_{number:04}.npz"));
        NpzFile::open(path).unwrap().array::<f32, Ix3>("qmaps", "").unwrap()
    };
    let values: Vec<f32> = (1..=3).map(|number| sample(number)[[0, 20, 18]]).collect();
    let expected = values.iter().sum::<f32>() / 3.0;
    let spread = (values.iter().map(|value| (value - expected).powi(2)).sum::<f32>() / 2.0).sqrt();
    assert!((mean[[0, 20, 18]] - expected).abs() < 1e-5 && (deviation[[0, 20, 18]] - spread).abs() < 1e-5);
    assert!(bench.path("out/vol0_slice0/posterior.png").exists());
    assert_eq!(bench.json("out/vol0_slice0/provenance.json")["sample_seeds"], json!([0, 1, 2]));

    run(&bench, CONDITIONAL, "third", &["--seed", "2"]);
    assert!(bench.json("third/vol0_slice0/provenance.json").get("sample_seeds").is_none());
    let mut third = NpzFile::open(bench.path("third/vol0_slice0/maps.npz")).unwrap();
    let third = third.array::<f32, Ix3>("qmaps", "").unwrap();
    assert_eq!(third, sample(3), "sample i can be drawn alone, with the seed plus i");

    let more = ["recon", "--dataset", "data", "--cut", "4", "--out", "none", "--method", "lrtv", "--samples"];
    let error = bench.fail(2, &[&more[..], &["2"]].concat());
    assert!(error.contains("--samples: expected 1") && error.contains("lrtv"), "{error}");
    bench.fail(2, &[&more[..], &["0"]].concat());
}

#[test]
fn checkpoints_that_cannot_be_used_are_named() {
    let bench = bench();
    let good = config(&json!({}));
    let weights = parameters(&good);
    let with = |name: &str, unet: Value| write(&bench, name, config(&unet), weights.clone());
    with("deeper.safetensors", json!({ "num_res_blocks": 2 }));
    with("wider.safetensors", json!({ "model_channels": 64 }));
    with("unconditional.safetensors", json!({ "conditional": false }));
    with("extra.safetensors", json!({ "channel_mult": [1] }));
    checkpoint(&bench, "three.safetensors", &json!({ "coefficients": 3 }));
    checkpoint(&bench, "alone.safetensors", &json!({ "conditional": false }));
    let mut poisoned = fs::read(bench.path("net.safetensors")).unwrap();
    let end = poisoned.len();
    poisoned[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(bench.path("nan.safetensors"), &poisoned).unwrap();
    fs::write(bench.path("cut.safetensors"), &poisoned[..end / 2]).unwrap();
    fs::write(bench.path("notes.safetensors"), "not weights").unwrap();
    fs::write(bench.path("dict.pt"), "not weights").unwrap();
    for (file, said) in [
        ("absent.safetensors", "No such file"),
        ("notes.safetensors", "not a safetensors file"),
        ("cut.safetensors", "not a safetensors file"),
        ("nan.safetensors", "not finite"),
        ("deeper.safetensors", "tensor `"),
        ("wider.safetensors", "expected shape"),
        ("unconditional.safetensors", "expected shape"),
        ("extra.safetensors", "tensor `"),
        ("dict.pt", "dict.json"),
    ] {
        let error = refused(&bench, 1, CONDITIONAL, &["--set", &format!("prior.options.checkpoint={file}")]);
        let stem = file.split('.').next().unwrap();
        assert!(error.contains(stem) && error.contains(said), "{file}: {error}");
    }
    let error = refused(&bench, 1, CONDITIONAL, &["--set", "prior.options.checkpoint=three.safetensors"]);
    assert!(error.contains("diph.diffusion") && error.contains("[3, 40, 36], got [5, 40, 36]"), "{error}");
    let error = refused(&bench, 1, CONDITIONAL, &["--set", "condition=null"]);
    assert!(error.contains("a condition image `low_res`"), "{error}");
    let wanted = ["--set", "prior.options.checkpoint=alone.safetensors", "--set", "prior.options.use_condition=true"];
    assert!(refused(&bench, 1, CONDITIONAL, &wanted).contains("the network is unconditional"));
    assert!(!bench.path("none").exists(), "no partial output");
}

/// Products in bf16 lose nothing that the maps could show: in half of the voxels a map changes by less than 1 %.
#[test]
fn networks_in_bf16_give_the_maps_of_f32() {
    let bench = Bench::new();
    bench.succeed(&["simulate", "--phantom", "96x96", "--slices", "0", "--out", "data"]);
    let maps = |precision: &str| {
        let set = format!("prior.options.precision=\"{precision}\"");
        let words = ["recon", "--dataset", "data", "--slices", "0", "--method", CONDITIONAL, "--out", precision];
        bench.succeed(&[&words[..], &["--set", &set]].concat());
        NpzFile::open(bench.path(&format!("{precision}/vol0_slice0/maps.npz"))).unwrap()
    };
    let (mut single, mut half) = (maps("f32"), maps("bf16"));
    let density: Array2<Complex32> = single.array("PD", "y, x").unwrap();
    let brain = 0.05 * density.iter().map(|value| value.norm()).fold(0.0, f32::max);
    for name in ["T1", "T2"] {
        let [single, half] = [&mut single, &mut half].map(|maps| maps.array::<f32, Ix2>(name, "y, x").unwrap());
        assert_ne!(single, half, "{name}: the precision has no effect");
        let voxels = single.iter().zip(&half).zip(&density).filter(|(_, density)| density.norm() > brain);
        let mut changes: Vec<f32> = voxels.map(|((single, half), _)| (half - single).abs() / single).collect();
        changes.sort_by(f32::total_cmp);
        assert!(changes.len() > 2000, "{name}: {} voxels", changes.len());
        let median = changes[changes.len() / 2];
        assert!(median < 0.01, "{name}: {median}");
    }
}
