//! `diph simulate`, `recon`, `evaluate`, `dictionary` and `convert` on a small measurement.

use std::fs;

use serde_json::Value;

use crate::bench::{Bench, files};

fn mean(results: &Value, metric: &str) -> f64 {
    results["mean"][metric].as_f64().unwrap_or_else(|| panic!("no {metric} in {results}"))
}

#[test]
fn regularised_methods_beat_the_adjoint_image_and_write_every_file() {
    let bench = Bench::with_data();
    let svd = bench.recon("svd-mrf", "svd", &["--report"]);
    assert_eq!(svd["slices"].as_array().unwrap().len(), 2);
    assert_eq!(bench.json("svd/metrics.json"), svd);
    assert!(bench.path("svd/report.html").exists());
    for metric in ["t2_mape_percent", "t1_median_ape_percent", "pd_nrmse", "kspace_nrmse", "bloch_residual"] {
        assert!(mean(&svd, metric) > 0.0);
    }
    assert_eq!(svd["slices"][0]["tsmi_nrmse_per_coefficient"].as_array().unwrap().len(), 5);
    for method in ["lrtv", "llr", "wavelet"] {
        let results = bench.recon(method, method, &[]);
        let (ours, adjoint) = (mean(&results, "tsmi_nrmse"), mean(&svd, "tsmi_nrmse"));
        assert!(ours < adjoint, "{method}: {ours} against {adjoint}");
    }
    let provenance = bench.json("lrtv/vol0_slice1/provenance.json");
    let ids: Vec<&str> = provenance["plugins"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["diph.mrf-nufft", "diph.total-variation", "diph.bloch-dictionary"]);
    assert_eq!(provenance["plugins"][0]["library"], "built in");
    let inputs = provenance["inputs"].as_array().unwrap();
    assert!(inputs.iter().all(|input| input["path"].as_str().unwrap().starts_with("data")));
}

#[test]
fn same_seed_same_bytes_and_the_saved_configuration_makes_them_again() {
    let bench = Bench::with_data();
    let slice = ["--slices", "0", "--set", "prior.options.shift=random", "--set", "solver.fista.iterations=5"];
    bench.recon("wavelet", "first", &slice);
    bench.recon("wavelet", "second", &slice);
    let read = |run: &str, file: &str| fs::read(bench.path(&format!("{run}/vol0_slice0/{file}"))).unwrap();
    assert_eq!(read("first", "tsmi.npz"), read("second", "tsmi.npz"));
    assert_eq!(read("first", "maps.npz"), read("second", "maps.npz"));
    bench.recon("first/vol0_slice0/method.json", "again", &["--slices", "0"]);
    assert_eq!(read("first", "tsmi.npz"), read("again", "tsmi.npz"));
    bench.recon("wavelet", "other", &[&slice[..], &["--seed", "1"]].concat());
    assert_ne!(read("first", "tsmi.npz"), read("other", "tsmi.npz"), "random shifts follow the seed");
}

#[test]
fn every_step_is_logged_and_dumped_when_asked_for() {
    let bench = Bench::with_data();
    bench.recon("lrtv", "out", &["--slices", "0", "--set", "solver.fista.iterations=3", "--dump-steps"]);
    let log = fs::read_to_string(bench.path("out/vol0_slice0/steps.csv")).unwrap();
    let iterations: Vec<&str> = log.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(iterations, ["iteration", "1", "2", "3"]);
    for step in 1..=3 {
        assert!(bench.path(&format!("out/vol0_slice0/steps/step_000{step}.npz")).exists());
    }
    bench.recon("lrtv", "plain", &["--slices", "0", "--set", "solver.fista.iterations=3"]);
    assert!(bench.path("plain/vol0_slice0/steps.csv").exists() && !bench.path("plain/vol0_slice0/steps").exists());
}

#[test]
fn evaluating_a_folder_gives_the_metrics_of_the_run() {
    let bench = Bench::with_data();
    let results = bench.recon("lsq", "lsq", &[]);
    let words = ["--json", "evaluate", "--dataset", "data", "--results", "lsq", "--cut", "4", "--out", "metrics.json"];
    let evaluated: Value = serde_json::from_str(&bench.succeed(&words)).unwrap();
    for metric in ["t1_mape_percent", "t2_mape_percent", "pd_nrmse", "tsmi_nrmse"] {
        assert!((mean(&results, metric) - mean(&evaluated, metric)).abs() < 1e-6, "{metric}");
    }
    assert_eq!(bench.json("metrics.json"), evaluated);
}

#[test]
fn samples_of_the_python_code_are_evaluated_in_the_order_of_the_slices() {
    let bench = Bench::with_data();
    let folder = diph_datasets::DatasetFolder::new(bench.path("data"));
    let ids = [diph_datasets::SliceId::new(0, 1), diph_datasets::SliceId::new(0, 0)];
    let image = |id: &diph_datasets::SliceId| folder.reference_tsmi(*id, 4).unwrap().mapv(|v| v / 0.004);
    let images: Vec<_> = ids.iter().map(|id| image(id).into_dimensionality::<ndarray::Ix3>().unwrap()).collect();
    let maps = |id: &diph_datasets::SliceId| folder.maps(*id).unwrap().to_stacked().unwrap();
    let maps: Vec<_> = ids.iter().map(|id| maps(id).into_dimensionality::<ndarray::Ix3>().unwrap()).collect();
    let stacked = ndarray::stack(ndarray::Axis(0), &[images[0].view(), images[1].view()]).unwrap();
    let samples = diph_datasets::SampleResults {
        x_t: ndarray::Array4::zeros((2, 10, 40, 36)),
        z_t: stacked.clone(),
        x_tilda: stacked.clone(),
        x_hat: stacked,
        qmaps: ndarray::stack(ndarray::Axis(0), &[maps[0].view(), maps[1].view()]).unwrap(),
    };
    samples.write(bench.path("samples_ema.npz")).unwrap();
    let words =
        ["--json", "evaluate", "--dataset", "data", "--results", "samples_ema.npz", "--cut", "4", "--vols", "0"];
    let evaluate = |slices: &str| -> Value {
        serde_json::from_str(&bench.succeed(&[&words[..], &["--slices", slices]].concat())).unwrap()
    };
    let right = evaluate("1,0");
    assert!(mean(&right, "t1_mape_percent") < 1e-4 && mean(&right, "tsmi_nrmse") < 1e-5);
    assert!(mean(&evaluate("0,1"), "t1_mape_percent") > 1.0);
    bench.succeed(&["convert", "samples", "samples_ema.npz", "converted"]);
    assert!(bench.path("converted/sample1/maps.npz").exists());
}

#[test]
fn simulating_again_replaces_the_acquisition() {
    let bench = Bench::new();
    bench.simulate("data", &["--coils", "2"]);
    assert!(bench.path("data/acquisition/coil_maps.npz").exists());
    let weights = ndarray::Array2::from_shape_fn((100, 300), |(t, s)| (1 + t + s) as f64);
    let trajectory = diph_datasets::TrajectoryFile::read(bench.path("data/acquisition/traj_dcf.mat")).unwrap();
    diph_datasets::TrajectoryFile { weights: Some(weights), ..trajectory }.write(bench.path("own.npz")).unwrap();
    let own = ["--phantom", "40x36", "--slices", "0,1", "--cut", "4", "--trajectory", "own.npz"];
    bench.succeed(&[&["simulate", "--out", "data"], &own[..]].concat());
    assert!(bench.path("data/acquisition/trajectory.npz").exists());
    assert!(!bench.path("data/acquisition/traj_dcf.mat").exists());
    assert!(!bench.path("data/acquisition/coil_maps.npz").exists());
}

#[test]
fn missing_k_space_is_simulated_when_asked_for_and_said() {
    let bench = Bench::with_data();
    fs::remove_dir_all(bench.path("data/synthesized_ksp")).unwrap();
    let words = ["recon", "--dataset", "data", "--cut", "4", "--slices", "1", "--method", "svd-mrf", "--out", "out"];
    let error = bench.fail(3, &words);
    assert!(error.contains("ksp_vol0_slice1_cut4.npz") && error.contains("--simulate"), "{error}");
    assert!(!bench.path("out").exists());
    let output = bench.run(&[&words[..], &["--simulate", "--quiet"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("vol0_slice1: no k-space"), "{said}");
    assert_eq!(bench.json("out/metrics.json")["slices"][0]["simulated_kspace"], true);
}

#[test]
fn several_coils_with_maps_from_file_and_estimated() {
    let bench = Bench::new();
    bench.simulate("data", &["--coils", "4"]);
    let known = bench.recon("lrtv", "maps", &["--slices", "0"]);
    let estimated = bench.recon("lrtv", "walsh", &["--slices", "0", "--coils", "walsh"]);
    let single = Bench::with_data().recon("lrtv", "single", &["--slices", "0"]);
    let [known, estimated, single] = [known, estimated, single].map(|results| mean(&results, "t1_median_ape_percent"));
    assert!(known < 1.5 * single, "known sensitivities: {known} %, one coil: {single} %");
    assert!(estimated < 2.0 * known, "estimated sensitivities: {estimated} %, known: {known} %");
    let error = bench.fail(
        3,
        &[
            "recon",
            "--dataset",
            "data",
            "--cut",
            "4",
            "--method",
            "lsq",
            "--out",
            "none",
            "--coils",
            "data/acquisition/traj_dcf.mat",
        ],
    );
    assert!(error.contains("traj_dcf.mat"), "{error}");
}

#[test]
fn the_cartesian_operator_takes_the_place_of_the_nufft() {
    let bench = Bench::new();
    // Every sample of the radial readouts moved to the nearest grid point would do; full lines are simpler.
    let trajectory = cartesian_lines(100, 32, 24);
    diph_datasets::TrajectoryFile { positions: trajectory, weights: None }.write(bench.path("lines.npz")).unwrap();
    let size = ["--phantom", "32x24", "--trajectory", "lines.npz", "--operator", "diph.cartesian", "--noise", "0"];
    bench.succeed(&[&["simulate", "--cut", "4", "--out", "data"], &size[..]].concat());
    let spectrum = ["train", "--objective", "spectrum", "--phantom", "32x24", "--acquisition", "data", "--cut", "4"];
    bench.succeed(&[&spectrum[..], &["--out", "spectrum.safetensors"]].concat());
    let spectrum = ["--set", "prior.options.spectrum=spectrum.safetensors"];
    for (method, more) in [("lsq", &[][..]), ("mmse", &spectrum[..])] {
        let [grid, any] = ["cartesian", "nufft"].map(|operator| format!("{method}-{operator}"));
        let operator = ["--set", "operator={\"id\":\"diph.cartesian\"}"];
        let cartesian = bench.recon(method, &grid, &[&operator[..], more].concat());
        let nufft = bench.recon(method, &any, more);
        let (cartesian, nufft) = (mean(&cartesian, "tsmi_nrmse"), mean(&nufft, "tsmi_nrmse"));
        assert!((cartesian - nufft).abs() < 2e-2 * nufft, "{method}: {cartesian} against {nufft}");
    }
}

/// One line of ky per frame, all kx, on the grid.
fn cartesian_lines(frames: usize, height: usize, width: usize) -> ndarray::Array3<f64> {
    let grid = |index: usize, n: usize| (index as f64 - (n / 2) as f64) / n as f64;
    ndarray::Array3::from_shape_fn((frames, width, 2), |(t, s, axis)| match axis {
        0 => grid(t * 5 % height, height),
        _ => grid(s, width),
    })
}

#[test]
fn dictionaries_and_trajectories_convert_there_and_back() {
    let bench = Bench::with_data();
    let dictionary = ["dictionary", "--sequence", "fisp", "--cut", "4", "--t1", "0.3:0.3:1.5", "--t2", "0.05,0.1,0.6"];
    let said = bench.succeed(&[&dictionary[..], &["--out", "dict.mat"]].concat());
    assert!(said.starts_with("14 atoms over 100 frames") && said.contains("1 pairs"), "{said}");
    bench.succeed(&["convert", "dictionary", "dict.mat", "dict.npz"]);
    bench.succeed(&["convert", "dictionary", "dict.npz", "again.mat"]);
    let read = |name: &str| diph_datasets::DictionaryFile::read(bench.path(name)).unwrap();
    assert_eq!(read("dict.mat"), read("again.mat"));
    bench.succeed(&["convert", "trajectory", "data/acquisition/traj_dcf.mat", "traj.npz"]);
    let results = bench.recon("svd-mrf", "own", &["--slices", "0"]);
    let from_npz = bench.recon("svd-mrf", "npz", &["--slices", "0", "--trajectory", "traj.npz"]);
    assert_eq!(mean(&results, "tsmi_nrmse"), mean(&from_npz, "tsmi_nrmse"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_cleanly() {
    let bench = Bench::with_data();
    let words = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", "out"];
    let long = [&words[..], &["--set", "solver.fista.iterations=1000000"]].concat();
    let child = bench.command(&long).stderr(std::process::Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().last(), Some("error: cancelled"), "{said}");
    assert!(!bench.path("out").exists() || files(&bench.path("out")).is_empty(), "no partial output");
}

#[test]
fn completions_name_every_command() {
    let script = Bench::new().succeed(&["completions", "bash"]);
    for command in ["demo", "simulate", "dictionary", "recon", "evaluate", "plugin", "convert"] {
        assert!(script.contains(command), "{command}");
    }
}
