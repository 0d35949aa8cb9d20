//! What a run is said to need, beside what it takes.

#[cfg(target_os = "linux")]
use std::process::{Command, Stdio};
#[cfg(target_os = "linux")]
use std::time::Duration;

use crate::bench::Bench;

/// Estimate and measured peak differ by no more than this factor, either way.
#[cfg(target_os = "linux")]
const FACTOR: f64 = 1.3;

/// Peak of a run's resident memory, as the kernel counted it.
#[cfg(target_os = "linux")]
fn peak_bytes(command: &mut Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        peak = kib.unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{command:?}");
            return peak << 10;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs the words dry and for real.
#[cfg(target_os = "linux")]
fn compare(bench: &Bench, words: &[&str]) {
    let words = [&["--threads", "2"], words].concat();
    let dry: serde_json::Value =
        serde_json::from_str(&bench.succeed(&[&["--json"], &words[..], &["--dry-run"]].concat())).unwrap();
    let estimate = dry["memory_estimate_bytes"].as_u64().unwrap();
    let peak = peak_bytes(&mut bench.command(&words));
    let ratio = estimate as f64 / peak as f64;
    println!("{words:?}: estimate {} MiB, peak {} MiB, ratio {ratio:.2}", estimate >> 20, peak >> 20);
    assert!((1.0 / FACTOR..=FACTOR).contains(&ratio), "{words:?}: estimate {estimate}, peak {peak}: {}", dry["parts"]);
}

#[test]
#[cfg(target_os = "linux")]
fn the_estimate_is_what_a_run_takes() {
    let bench = Bench::new();
    let wide = ["--t1", "0.02:0.004:4", "--t2", "0.01:0.001:0.4"];
    compare(&bench, &[&["dictionary", "--sequence", "deli-cs", "--cut", "4", "--out", "wide.npz"][..], &wide].concat());
    for (size, coils, data) in [("96", "1", "small"), ("400", "1", "large"), ("256", "12", "coils")] {
        compare(&bench, &["simulate", "--phantom", size, "--coils", coils, "--out", data]);
        let recon = ["recon", "--dataset", data, "--method"];
        let few = "solver.fista.iterations=2";
        compare(&bench, &[&recon[..], &["lrtv", "--out", "out-tv", "--force", "--set", few]].concat());
        let few = "solver.annealed.iterations=2";
        if coils == "1" {
            compare(
                &bench,
                &[&recon[..], &["mrf-diph-conditional", "--out", "out-diph", "--force", "--set", few]].concat(),
            );
        }
    }
    let dictionary = ["--dictionary", "wide.npz", "--cut", "4"];
    let words = ["recon", "--dataset", "d4", "--method", "lsq", "--out", "out-wide"];
    bench.succeed(&["simulate", "--phantom", "96", "--cut", "4", "--out", "d4"]);
    compare(&bench, &[&words[..], &dictionary].concat());
}

#[test]
#[cfg(target_os = "linux")]
fn the_estimate_is_what_training_takes() {
    let bench = Bench::new();
    let train = |size: &str, more: &[&str]| {
        let image = format!("training.model.unet.image_size={size}");
        let channels = "training.model.unet.model_channels=32";
        let out = format!("run{size}");
        let words = ["train", "--phantom", size, "--steps", "2", "--out", &out, "--set", &image, "--set", channels];
        compare(&bench, &[&words[..], more].concat());
    };
    train("64", &[]);
    train("192", &["--batch", "2"]);
}

#[test]
fn what_cannot_fit_is_refused_before_it_starts() {
    let bench = Bench::with_data();
    let vast = ["simulate", "--phantom", "4096", "--coils", "100000", "--out", "vast"];
    let error = bench.fail(1, &vast);
    assert!(error.contains("coil maps") && error.contains("TiB") && error.contains("fewer coils"), "{error}");
    assert!(!bench.path("vast").exists());
    let atoms =
        ["dictionary", "--sequence", "deli-cs", "--t1", "0.01:0.001:5", "--t2", "0.001:0.001:2", "--out", "d.npz"];
    let error = bench.fail(1, &[&["--max-memory", "256MiB"][..], &atoms].concat());
    assert!(error.contains("fewer values of T1") && error.contains("256 MiB are available"), "{error}");
    let recon = ["recon", "--dataset", "data", "--cut", "4", "--method", "lrtv", "--out", "out"];
    let error = bench.fail(1, &[&["--max-memory", "32M"][..], &recon].concat());
    assert!(error.contains("available") && !bench.path("out").exists(), "{error}");
    let train = ["train", "--phantom", "64", "--out", "run", "--max-memory", "64M"];
    assert!(bench.fail(1, &train).contains("microbatch"));
    assert!(!bench.path("run").exists());
    assert!(bench.fail(2, &["--max-memory", "lots", "plugin", "list"]).contains("6GiB"));
}

#[test]
fn provenance_tells_the_estimate() {
    let bench = Bench::with_data();
    bench.recon("lsq", "out", &["--slices", "0"]);
    let provenance = bench.json("out/vol0_slice0/provenance.json");
    assert!(provenance["memory_estimate_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(!bench.path("dry").exists());
    let dry = bench.recon("lsq", "dry", &["--dry-run"]);
    assert!(dry["memory_estimate_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(!bench.path("dry").exists());
}
