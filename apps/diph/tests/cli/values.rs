//! Values that no measurement has: zeros only, NaN, milliseconds, lengths that do not agree, small files that inflate.

use std::fs;

use diph_datasets::{DatasetFolder, DictionaryFile, QuantitativeMaps, SliceId};
use diph_formats::NpzWriter;
use ndarray::{Array1, Array2, Array3, Array4};
use num_complex::Complex32;

use crate::bench::Bench;

const RECON: [&str; 11] =
    ["recon", "--dataset", "data", "--cut", "4", "--method", "lsq", "--slices", "0", "--out", "out"];
const ID: SliceId = SliceId { vol: 0, slice: 0 };

fn data(bench: &Bench) -> DatasetFolder {
    DatasetFolder::new(bench.path("data"))
}

#[test]
fn nothing_but_zeros_is_no_measurement() {
    let zeros = |shape: (usize, usize, usize)| Array3::<Complex32>::zeros(shape);
    let bench = Bench::with_data();
    let folder = data(&bench);
    folder.write_kspace(ID, 4, &zeros((1, 100, 300))).unwrap();
    for method in ["lsq", "svd-mrf", "lrtv"] {
        let words = ["recon", "--dataset", "data", "--cut", "4", "--method", method, "--slices", "0", "--out", "out"];
        let error = bench.fail(3, &words);
        assert!(error.contains("ksp_vol0_slice0_cut4.npz") && error.contains("zeros only"), "{error}");
    }
    folder.write_kspace(ID, 4, &zeros((0, 100, 300))).unwrap();
    let error = bench.fail(3, &RECON);
    assert!(error.contains("at least one coil, frame and sample, got (0, 100, 300)"), "{error}");
    folder.write_kspace(ID, 4, &zeros((1, 100, 200))).unwrap();
    let error = bench.fail(3, &RECON);
    assert!(error.contains("traj_dcf.mat has 300 samples in a readout"), "{error}");
    let coil_maps =
        |coils| NpzWriter::new().with("coil_maps", zeros((coils, 40, 36)).view()).write(folder.coil_maps_path());
    for coils in [0, 2] {
        coil_maps(coils).unwrap();
        let error = bench.fail(3, &RECON);
        assert!(error.contains("coil_maps.npz") && error.contains("at least one coil"), "{error}");
    }
}

#[test]
fn a_mask_with_nan_outside_is_a_mask() {
    let bench = Bench::with_data();
    let before = bench.recon("lsq", "before", &["--slices", "0"]);
    let folder = data(&bench);
    let mask = folder.mask(ID, 0.006).unwrap().mapv(|inside| if inside { 1.0 } else { f64::NAN });
    NpzWriter::new().with("mask", mask.view()).write(folder.mask_path(ID, 0.006)).unwrap();
    let after = bench.recon("lsq", "after", &["--slices", "0"]);
    assert_eq!(before["slices"][0]["t1_mape_percent"], after["slices"][0]["t1_mape_percent"]);
}

#[test]
fn times_in_milliseconds_are_refused() {
    let bench = Bench::with_data();
    let folder = data(&bench);
    let seconds = folder.maps(ID).unwrap();
    let milliseconds = QuantitativeMaps { t1: seconds.t1.mapv(|t1| 1000.0 * t1), ..seconds.clone() };
    folder.write_maps(ID, &milliseconds).unwrap();
    let error = bench.fail(3, &RECON);
    assert!(error.contains("qmaps_vol0_slice0.npz") && error.contains("T1 in seconds"), "{error}");
    folder.write_maps(ID, &seconds).unwrap();
    let path = folder.dictionary_path(4).unwrap();
    let mut dictionary = DictionaryFile::read(&path).unwrap();
    dictionary.lut.mapv_inplace(|time| 1000.0 * time);
    dictionary.write(bench.path("ms.npz")).unwrap();
    let error = bench.fail(3, &[&RECON[..], &["--dictionary", "ms.npz"]].concat());
    assert!(error.contains("ms.npz") && error.contains("divide milliseconds by 1000"), "{error}");
    let words =
        ["dictionary", "--sequence", "fisp", "--cut", "4", "--t1", "100:100:3000", "--t2", "50", "--out", "d.npz"];
    let error = bench.fail(2, &words);
    assert!(error.contains("--t1") && error.contains("seconds"), "{error}");
}

#[test]
fn a_small_file_does_not_fill_the_memory() {
    let bench = Bench::with_data();
    // 128 MB of zeros in a few kilobytes, as the header says; reading takes three times as much.
    let vast = Array2::<f64>::zeros((4000, 4000));
    NpzWriter::compressed().with("lut", vast.view()).write(bench.path("vast.npz")).unwrap();
    assert!(bench.path("vast.npz").metadata().unwrap().len() < 1_000_000);
    let error = bench.fail(1, &[&["--max-memory", "300MiB"], &RECON[..], &["--dictionary", "vast.npz"]].concat());
    assert!(error.contains("reading of files") && error.contains("300 MiB"), "{error}");
    fs::copy(bench.path("vast.npz"), data(&bench).mask_path(ID, 0.006)).unwrap();
    let error = bench.fail(1, &[&["--max-memory", "300MiB"], &RECON[..]].concat());
    assert!(error.contains("reading vol0_slice0"), "{error}");
}

/// Shapes that only a header can tell.
#[test]
fn lengths_are_compared_before_values_are_read() {
    let bench = Bench::with_data();
    let vast = Array4::<Complex32>::zeros((1, 1, 2000, 2000));
    NpzWriter::compressed().with("y", vast.view()).write(data(&bench).kspace_path(ID, 4)).unwrap();
    let error = bench.fail(3, &RECON);
    assert!(
        error.contains("(coil, frame, sample) = (1, 100, 300)") && error.contains("got (1, 2000, 2000)"),
        "{error}"
    );
    let weights = Array1::<f64>::zeros(300);
    let positions = Array3::<f64>::from_elem((1, 300, 2), 0.25);
    NpzWriter::new()
        .with("trajectory", positions.view())
        .with("weights", weights.view())
        .write(bench.path("t.npz"))
        .unwrap();
    let error = bench.fail(3, &[&RECON[..], &["--trajectory", "t.npz"]].concat());
    assert!(error.contains("t.npz") && error.contains("key `weights`"), "{error}");
}
