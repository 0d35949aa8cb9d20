//! Measurements in the files of other programs, in their conventions, without a data folder.

use std::path::Path;

use diph_datasets::DictionaryFile;
use diph_formats::{ArrayLocation, NpzFile};
use ndarray::{Array1, Array2, ArrayD, Ix2, Ix3, IxDyn};
use num_complex::Complex32;

use crate::bench::Bench;

/// A file that another program wrote.
fn peer(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers");
    folder.join(name).to_str().unwrap().to_owned()
}

fn array(place: &str) -> ArrayD<Complex32> {
    place.parse::<ArrayLocation>().unwrap().read().unwrap().read::<Complex32, IxDyn>("any").unwrap()
}

/// A dictionary whose signal stays the same in every frame: what is measured is one image.
fn still_dictionary(bench: &Bench, frames: usize) {
    let dictionary = DictionaryFile {
        parameters: ["T1", "T2"].map(|name| diph_core::Parameter { name: name.into(), unit: "s".into() }).into(),
        lut: Array2::from_shape_vec((1, 2), vec![1.0, 0.1]).unwrap(),
        d: Array2::ones((1, 1)),
        v: Array2::from_elem((frames, 1), 1.0 / (frames as f64).sqrt()),
        norm_d: Array1::ones(1),
    };
    dictionary.write(bench.path("still.npz")).unwrap();
}

/// The image that a method reconstructs from these files, and how it correlates with `image` of the same phantom.
fn correlation(bench: &Bench, words: &[&str], image: &ArrayD<Complex32>) -> f32 {
    let own = ["--dictionary", "still.npz", "--coefficients", "1", "--method", "lsq", "--out", "out", "--force"];
    bench.succeed(&[&["recon"], words, &own[..]].concat());
    let mut file = NpzFile::open(bench.path("out/vol0_slice0/tsmi.npz")).unwrap();
    let key = file.keys()[0].clone();
    let found = file.array::<Complex32, Ix3>(&key, "(coefficient, y, x)").unwrap();
    let pairs = || found.iter().zip(image.iter());
    let product: Complex32 = pairs().map(|(ours, theirs)| ours * theirs.conj()).sum();
    let energy = |values: &mut dyn Iterator<Item = &Complex32>| values.map(Complex32::norm_sqr).sum::<f32>().sqrt();
    product.norm() / (energy(&mut found.iter()) * energy(&mut image.iter()))
}

#[test]
fn plain_arrays_give_the_bytes_of_the_data_folder() {
    let bench = Bench::with_data();
    bench.recon("lrtv", "folder", &["--slices", "1", "--coils", "walsh"]);
    let kspace = "data/synthesized_ksp/ksp_vol0_slice1_cut4.npz:y";
    bench.succeed(&["convert", "array", kspace, "k.npy"]);
    let (trajectory, dictionary) = ("data/acquisition/traj_dcf.mat", "data/acquisition/SVD_dict_FISP_cut4.mat");
    bench.succeed(&["convert", "trajectory", trajectory, "trajectory.npz"]);
    bench.succeed(&["convert", "array", "trajectory.npz:trajectory", "t.npy"]);
    bench.succeed(&["convert", "array", "trajectory.npz:weights", "w.npz"]);
    let run = |out: &str, words: &[&str]| {
        let shared = ["--dictionary", dictionary, "--image-size", "40x36", "--method", "lrtv", "--out", out];
        bench.succeed(&[&["recon", "--kspace"], words, &shared[..]].concat());
        std::fs::read(bench.path(&format!("{out}/vol0_slice0/maps.npz"))).unwrap()
    };
    let folder = std::fs::read(bench.path("folder/vol0_slice1/maps.npz")).unwrap();
    assert_eq!(run("known", &["k.npy", "--trajectory", trajectory]), folder);
    let plain =
        ["k.npy", "--trajectory", "t.npy", "--density-compensation", "w.npz", "--kspace-axes", "1,coil,frame,sample"];
    assert_eq!(run("plain", &plain), folder);
    let provenance = bench.json("plain/vol0_slice0/provenance.json");
    assert_eq!(provenance["measurement"]["files"]["kspace"], "k.npy");
    assert!(provenance["measurement"]["dataset"].is_null());
    let inputs = provenance["inputs"].as_array().unwrap();
    assert!(["k.npy", "t.npy", "w.npz"].iter().all(|name| inputs.iter().any(|input| input["path"] == *name)));
}

#[test]
fn a_phantom_of_bart_stands_upright_whoever_wrote_it() {
    let bench = Bench::new();
    still_dictionary(&bench, 51);
    let image = array(&peer("bart_image.cfl"));
    let (kspace, trajectory) = (peer("bart_ksp.cfl"), peer("bart_traj"));
    let size = ["--image-size", "32"];
    let bart = correlation(&bench, &[&["--kspace", &kspace, "--trajectory", &trajectory], &size[..]].concat(), &image);
    assert!(bart > 0.97, "{bart}");
    for columns in ["-kx,ky,kz", "kx,-ky,kz", "-kx,-ky,kz", "ky,kx,kz"] {
        let turned = ["--kspace", &kspace, "--trajectory", &trajectory, "--trajectory-columns", columns];
        let turned = correlation(&bench, &[&turned, &size[..]].concat(), &image);
        assert!(turned < bart - 0.01, "{columns}: {turned} against {bart}");
    }

    let (numpy_kspace, numpy) = (peer("numpy_ksp.npy"), peer("numpy_traj.npz"));
    let (radians, complex) = (format!("{numpy}:radians"), format!("{numpy}:complex"));
    let (k, t) = (peer("scipy.mat:scan.k"), peer("scipy.mat:scan.t"));
    let axes = ["--kspace-axes", "sample,frame", "--trajectory-axes"];
    let columns = ["column,sample,frame", "--trajectory-columns", "kx,ky"];
    let variants: [Vec<&str>; 3] = [
        [&["--kspace", &numpy_kspace, "--trajectory", &radians, "--trajectory-unit", "radians"], &axes[..], &columns]
            .concat(),
        [&["--kspace", &numpy_kspace, "--trajectory", &complex], &axes[..], &["sample,frame,column"]].concat(),
        [&["--kspace", &k, "--trajectory", &t, "--trajectory-unit", "1/m", "--voxel-size", "2"], &axes[..], &columns]
            .concat(),
    ];
    for words in variants {
        let other = correlation(&bench, &[&words[..], &size].concat(), &image);
        assert!((other - bart).abs() < 1e-4, "{other} against {bart}: {words:?}");
    }
}

#[test]
fn arrays_are_converted_and_other_files_kept() {
    let bench = Bench::new();
    let source = peer("bart_ksp");
    bench.succeed(&["convert", "array", &source, "k.npy"]);
    bench.succeed(&["convert", "array", "k.npy", "again.cfl"]);
    assert_eq!(std::fs::read(bench.path("again.cfl")).unwrap(), std::fs::read(peer("bart_ksp.cfl")).unwrap());
    let numpy = array(&peer("numpy_ksp.npy")).into_dimensionality::<Ix2>().unwrap();
    let ours = array(bench.path("k.npy").to_str().unwrap());
    assert_eq!(ours.shape(), [51, 32, 1]);
    assert!(ours.iter().eq(numpy.t().iter()), "what numpy read from the same file");
    bench.fail(2, &["convert", "array", &peer("numpy_ksp.npy"), "again.cfl"]);
    bench.fail(3, &["convert", "array", &peer("scipy.mat"), "x.npy"]);
    bench.fail(3, &["convert", "array", "k.npy", "x.csv"]);
}

#[test]
fn errors_name_shapes_and_flags() {
    let bench = Bench::new();
    still_dictionary(&bench, 51);
    let (kspace, trajectory) = (peer("numpy_ksp.npy"), peer("numpy_traj.npz:radians"));
    let fail = |code: i32, words: &[&str], expected: &[&str]| {
        let own = ["--dictionary", "still.npz", "--coefficients", "1", "--method", "lsq", "--out", "out"];
        let error = bench.fail(code, &[&["recon"], words, &own[..]].concat());
        assert!(expected.iter().all(|word| error.contains(word)), "{expected:?} is missing in: {error}");
        assert!(!bench.path("out").exists());
    };
    let start = ["--kspace", kspace.as_str(), "--trajectory", trajectory.as_str(), "--image-size", "32"];
    fail(3, &start, &["numpy_traj.npz", "key `radians`", "2 or 3 columns", "51 columns"]);
    let turned = [&start[..], &["--trajectory-axes", "column,sample,frame"]].concat();
    fail(3, &turned, &["positions within half a cycle per pixel", "units that could be: radians"]);
    let radians = [&turned[..], &["--trajectory-unit", "radians"]].concat();
    fail(3, &radians, &["numpy_ksp.npy", "(1, 51, 32)", "(1, 32, 51)"]);
    fail(
        2,
        &[&radians[..], &["--kspace-axes", "coil,frame,sample"]].concat(),
        &["--kspace-axes", "3 axes", "[32, 51]"],
    );
    fail(2, &["--kspace", &kspace], &["--trajectory", "expected the positions"]);
    fail(2, &["--dataset", "data", "--kspace", &kspace], &["--dataset"]);
    let error = bench.fail(2, &["recon", "--method", "lsq", "--out", "out"]);
    assert!(error.contains("--dataset"), "{error}");
}

#[test]
fn raw_data_of_ismrmrd_need_nothing_but_a_dictionary() {
    let bench = Bench::new();
    still_dictionary(&bench, 2);
    let scan = peer("ismrmrd_cpp.h5");
    let phantom = array(&peer("ismrmrd_cpp.h5:dataset/phantom"));
    // Sensitivities that are estimated leave the phase open.
    let found = magnitudes(&bench, &["--kspace", &scan], &phantom);
    assert!(found > 0.8, "{found}");
    let python = peer("ismrmrd_python.h5");
    still_dictionary(&bench, 3);
    let own = ["--dictionary", "still.npz", "--coefficients", "1", "--method", "svd-mrf", "--out", "python"];
    bench.succeed(&[&["recon", "--kspace", &python][..], &own].concat());
    assert!(bench.path("python/vol0_slice0/maps.npz").exists() && bench.path("python/vol0_slice1/maps.npz").exists());
    let error = bench.fail(2, &[&["recon", "--kspace", &python, "--frame-counter", "echo"][..], &own].concat());
    assert!(error.contains("--frame-counter"), "{error}");
}

#[test]
fn a_pulseq_sequence_is_simulated_and_gives_the_trajectory() {
    let bench = Bench::new();
    let sequence = peer("pulseq_15.seq");
    let info = bench.succeed(&["info", &sequence]);
    for word in ["Pulseq sequence of version 1.5", "excitations: 3, 20.0 to 60.0 degrees", "readouts of the image: 3"] {
        assert!(info.contains(word), "{word} is missing in {info}");
    }
    let dictionary = ["dictionary", "--sequence", &sequence, "--t1", "0.3:0.3:1.5", "--t2", "0.05,0.1"];
    bench.succeed(&[&dictionary[..], &["--coefficients", "2", "--out", "d.npz"]].concat());
    assert!(bench.succeed(&["info", "d.npz"]).contains("frames: 3"));
    // What pypulseq was asked for: pulses 22.43 ms after the beginning and 5.18 and 6.18 ms after one another.
    let fisp = r#"{"flip_angle_rad": [0.3490659, 0.6981317, 1.0471976], "tr_s": [0.00518, 0.00618, 0.006], "te_s": 0.00131,
        "ti_s": 0.02183, "inversion": true}"#;
    std::fs::write(bench.path("fisp.json"), fisp).unwrap();
    let three = ["--t1", "0.3:0.3:1.5", "--t2", "0.05,0.1", "--coefficients", "3"];
    let fingerprints = |sequence: &str, out: &str| {
        bench.succeed(&[&["dictionary", "--sequence", sequence, "--out", out], &three[..]].concat());
        let file = DictionaryFile::read(bench.path(out)).unwrap();
        file.d.dot(&file.v.t())
    };
    let (played, asked) = (fingerprints(&sequence, "played.npz"), fingerprints("fisp.json", "asked.npz"));
    for (played, asked) in played.outer_iter().zip(asked.outer_iter()) {
        let cosine = played.dot(&asked) / (played.dot(&played) * asked.dot(&asked)).sqrt();
        assert!(cosine.abs() > 0.999_99, "{played} {asked}");
    }
    let kspace = Array2::from_shape_fn((3, 40), |(frame, sample)| Complex32::new(1.0 + frame as f32, sample as f32));
    diph_formats::write_npy(bench.path("k.npy"), kspace.view()).unwrap();
    let recon = ["recon", "--kspace", "k.npy", "--trajectory", &sequence, "--sequence", &sequence];
    let more = ["--image-size", "100", "--coefficients", "2", "--method", "lsq"];
    bench.succeed(&[&recon[..], &more, &["--out", "out"]].concat());
    let text = std::fs::read_to_string(peer("pulseq_15.txt")).unwrap();
    let positions: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let positions = ndarray::Array3::from_shape_vec((3, 40, 3), positions).unwrap();
    diph_formats::write_npy(bench.path("t.npy"), positions.view()).unwrap();
    let plain = ["recon", "--kspace", "k.npy", "--trajectory", "t.npy", "--sequence", &sequence, "--voxel-size", "2"];
    let convention = ["--trajectory-unit", "1/m", "--trajectory-columns", "kx,ky,kz"];
    bench.succeed(&[&plain[..], &convention, &more, &["--out", "plain"]].concat());
    let image = |out: &str| {
        let mut file = NpzFile::open(bench.path(&format!("{out}/vol0_slice0/tsmi.npz"))).unwrap();
        file.array::<Complex32, Ix3>("tsmi", "(coefficient, y, x)").unwrap()
    };
    let (from_sequence, from_peer) = (image("out"), image("plain"));
    let most = from_peer.iter().map(|value| value.norm()).fold(0.0, f32::max);
    assert!(from_sequence.iter().zip(&from_peer).all(|(a, b)| (a - b).norm() < 1e-3 * most));
    let broken = std::fs::read_to_string(&sequence).unwrap().replace("[TRAP]", "[PART]");
    std::fs::write(bench.path("broken.seq"), broken).unwrap();
    let error = bench.fail(3, &["info", "broken.seq"]);
    assert!(error.contains("broken.seq") && error.contains("gradient 1 is not in the file"), "{error}");
}

/// How the magnitude of the reconstructed image correlates with that of another.
fn magnitudes(bench: &Bench, words: &[&str], image: &ArrayD<Complex32>) -> f32 {
    let own = ["--dictionary", "still.npz", "--coefficients", "1", "--method", "lsq", "--out", "out", "--force"];
    bench.succeed(&[&["recon"], words, &own[..]].concat());
    let mut file = NpzFile::open(bench.path("out/vol0_slice0/tsmi.npz")).unwrap();
    let found = file.array::<Complex32, Ix3>("tsmi", "(coefficient, y, x)").unwrap();
    let norm = |values: &mut dyn Iterator<Item = &Complex32>| values.map(Complex32::norm_sqr).sum::<f32>().sqrt();
    let product: f32 = found.iter().zip(image).map(|(ours, theirs)| ours.norm() * theirs.norm()).sum();
    product / (norm(&mut found.iter()) * norm(&mut image.iter()))
}

#[test]
fn info_says_what_a_file_is_and_how_to_go_on() {
    let bench = Bench::with_data();
    let words = |file: &str| bench.succeed(&["info", file]);
    let scan = words(&peer("ismrmrd_python.h5"));
    for word in [
        "ISMRMRD",
        "readouts of the image: 12",
        "dwell time: 2.500",
        "TR: 12.5 ms",
        "counter repetition: 3 values",
        "DICTIONARY.npz",
    ] {
        assert!(scan.contains(word), "{word} is missing in {scan}");
    }
    assert!(words(&peer("bart_traj.cfl")).contains("grid"));
    assert!(words(&peer("bart_ksp")).contains("as k-space"));
    assert!(words(&peer("scipy.mat")).contains("scan.t"));
    let folder = words("data");
    assert!(
        folder.contains("slices with k-space of cut 4: 2") && folder.contains("--dataset data --cut 4"),
        "{folder}"
    );
    assert!(words("data/acquisition/traj_dcf.mat").contains("trajectory in Diph's convention"));
    assert!(words("data/acquisition/SVD_dict_FISP_cut4.mat").contains("frames: 100"));
    bench.fail(3, &["info", "nothing.npy"]);
    let json: serde_json::Value = serde_json::from_str(&bench.succeed(&["--json", "info", "data"])).unwrap();
    assert!(json["command"].as_str().unwrap().starts_with("diph recon"));
}

#[test]
fn a_mirrored_trajectory_is_told_by_the_sensitivities() {
    let bench = Bench::new();
    let size = ["simulate", "--phantom", "40x40", "--slices", "0", "--cut", "4", "--samples", "300", "--coils", "4"];
    bench.succeed(&[&size[..], &["--out", "data"]].concat());
    bench.succeed(&["convert", "trajectory", "data/acquisition/traj_dcf.mat", "t.npz"]);
    let warning = |columns: &str| {
        let kspace = [
            "recon",
            "--kspace",
            "data/synthesized_ksp/ksp_vol0_slice0_cut4.npz:y",
            "--trajectory",
            "t.npz:trajectory",
        ];
        let more =
            ["--dictionary", "data/acquisition/SVD_dict_FISP_cut4.mat", "--image-size", "40", "--method", "svd-mrf"];
        let coils =
            ["--coils", "data/acquisition/coil_maps.npz", "--out", "out", "--force", "--trajectory-columns", columns];
        let output = bench.run(&[&kspace[..], &more, &coils].concat());
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(!warning("ky,kx").contains("fits the coil sensitivities better"));
    let mirrored = warning("ky,-kx");
    assert!(mirrored.contains("better with the columns ky,kx than with ky,-kx"), "{mirrored}");
}
