//! `diph recover-acquisition`: its files are what `diph recon` reads.

use serde_json::Value;

use crate::bench::Bench;

#[test]
fn a_recovered_acquisition_reconstructs_as_the_true_one_does() {
    let bench = Bench::new();
    let simulate = [
        "simulate",
        "--phantom",
        "64x64",
        "--slices",
        "2,4,6",
        "--cut",
        "4",
        "--seed",
        "3",
        "--noise",
        "1e-4",
        "--samples",
        "300",
    ];
    bench.succeed(&[&simulate[..], &["--out", "data"]].concat());
    let recover = ["--json", "recover-acquisition", "--dataset", "data", "--cut", "4"];
    let report: Value = serde_json::from_str(&bench.succeed(&[&recover[..], &["--out", "found"]].concat())).unwrap();
    eprintln!("{report}");
    let error_of = |files: &[&str], out: &str| -> f64 {
        let words =
            ["--json", "recon", "--dataset", "data", "--slices", "4", "--cut", "4", "--method", "lrtv", "--out", out];
        let results: Value = serde_json::from_str(&bench.succeed(&[&words[..], files].concat())).unwrap();
        results["mean"]["t1_mape_percent"].as_f64().unwrap()
    };
    let files =
        ["--trajectory", "found/acquisition/traj_dcf.mat", "--dictionary", "found/acquisition/SVD_dict_FISP_cut4.mat"];
    let (known, found) = (error_of(&[], "known-results"), error_of(&files, "found-results"));
    eprintln!("lrtv: T1 {known:.2} % with the true acquisition, {found:.2} % with the recovered one");
    assert!(found < 1.2 * known + 0.5, "T1 {known} % with the true acquisition, {found} % with the recovered one");

    // The data folder has an acquisition, which stays.
    let message = bench.fail(3, &[&recover[..], &["--out", "data"]].concat());
    assert!(message.contains("is there already"), "{message}");
}
