use std::io::Cursor;

use ndarray::{Axis, Ix1, Ix2, Ix3};
use proptest::prelude::*;

use super::*;
use crate::NpzFile;

fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/peers").join(name)
}

fn samples(file: &TwixFile) -> Vec<Array2<Complex32>> {
    let imaging: Vec<&Readout> = file.readouts().iter().filter(|readout| readout.is_imaging()).collect();
    let mut samples = Vec::new();
    let keep = |_: &Readout, read, _| {
        samples.push(read);
        Ok::<(), Error>(())
    };
    file.read(&imaging, keep).unwrap();
    samples
}

#[test]
fn lines_of_a_scan_are_those_of_twixtools() {
    let file = TwixFile::open(&peer("twix_ve.dat"), None).unwrap();
    let mut read = NpzFile::open(peer("twix_ve.npz")).unwrap();
    let kspace = read.array::<Complex32, Ix3>("kspace", "(line, coil, sample)").unwrap();
    let found = samples(&file);
    assert_eq!((file.version(), found.len()), ("VD or VE", kspace.len_of(Axis(0))));
    for (found, expected) in found.iter().zip(kspace.outer_iter()) {
        assert_eq!(found, expected);
    }
    let lines = read.array::<f64, Ix1>("lines", "(line)").unwrap();
    for (readout, line) in file.readouts().iter().zip(lines) {
        assert_eq!(readout.counters.step_1 as f64, line);
    }
    let axes = read.array::<f64, Ix2>("phase_read_slice", "(axis of the patient, direction)").unwrap();
    let position = read.array::<f64, Ix1>("position", "(axis)").unwrap();
    let first = &file.readouts()[0];
    for axis in 0..3 {
        let found = [first.phase_direction[axis], first.read_direction[axis], first.slice_direction[axis]];
        for (found, expected) in found.iter().zip(axes.row(axis)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert!((first.position[axis] - position[axis]).abs() < 1e-4);
    }
    let encoding = &file.header().encodings[0];
    assert_eq!((encoding.encoded.matrix, encoding.recon.matrix), ([320, 160, 1], [160, 160, 1]));
    assert_eq!(encoding.recon.field_of_view, [200.0, 200.0, 4.0]);
    assert_eq!(encoding.encoded.field_of_view[0], 400.0);
    assert_eq!(encoding.step_1.unwrap().center, 80);
    assert_eq!(file.header().flip_angles, [15.0]);
    assert!((first.dwell_time - 11.6e-6).abs() < 1e-12);
}

#[test]
fn synthetic_files_of_vb_and_of_two_measurements() {
    let real = samples(&TwixFile::open(&peer("twix_ve.dat"), Some("0")).unwrap());
    let vb = TwixFile::open(&peer("twix_vb.dat"), None).unwrap();
    assert_eq!((vb.version(), vb.readouts().len()), ("VB", 4));
    assert!(vb.readouts()[0].is(crate::ReadoutFlag::Noise));
    assert_eq!(samples(&vb), real[..3]);
    let two = TwixFile::open(&peer("twix_two.dat"), None).unwrap();
    assert_eq!((two.measurement(), two.measurements()), (1, 2));
    assert_eq!(samples(&two), real[..2]);
    assert!(samples(&TwixFile::open(&peer("twix_two.dat"), Some("0")).unwrap()).is_empty());
    let message = TwixFile::open(&peer("twix_two.dat"), Some("2")).err().unwrap().to_string();
    assert!(message.contains("measurement 2"), "{message}");
}

proptest! {
    #[test]
    fn garbled_files_never_panic(
        name in prop::sample::select(vec!["twix_ve.dat", "twix_vb.dat", "twix_two.dat"]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = std::fs::read(peer(name)).unwrap();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(length.index(bytes.len()) + 1);
        let _ = TwixFile::parse(Path::new("a.dat"), Cursor::new(bytes), None);
    }
}
