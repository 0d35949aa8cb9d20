//! The readers on files that numpy and scipy have written: the published maps and the reference outputs.

use std::path::{Path, PathBuf};

use diph_datasets::{DatasetFolder, DictionaryFile, MASK_THRESHOLD, SampleResults, SliceId, TrajectoryFile};
use diph_formats::NpzFile;
use ndarray::{Ix0, Ix1, Ix3, Ix4};
use num_complex::Complex32;

/// The folder, or a line that says that the test is skipped.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {name} not present");
    None
}

#[test]
fn published_maps_masks_and_measurements() {
    let Some(path) = shared("data/Deli-CS") else { return };
    let folder = DatasetFolder::open(path).unwrap();
    let slices = folder.slices_with_maps().unwrap();
    assert_eq!(slices.iter().filter(|slice| slice.vol == 0).count(), 30);
    assert_eq!(folder.slices_with_kspace(3).unwrap(), [5, 10, 15].map(|slice| SliceId::new(0, slice)));
    for slice in folder.slices_with_kspace(3).unwrap() {
        let maps = folder.maps(slice).unwrap();
        assert_eq!(maps.lengths(), [230, 230]);
        assert_eq!(folder.mask(slice, MASK_THRESHOLD).unwrap(), maps.mask(MASK_THRESHOLD), "{slice}");
        assert_eq!(folder.reference_tsmi(slice, 3).unwrap().shape(), [5, 230, 230]);
        assert_eq!(folder.adjoint_tsmi(slice, 3).unwrap().shape(), [5, 230, 230]);
        assert_eq!(folder.kspace(slice, 3).unwrap().dim(), (1, 200, 920));
    }
    let trajectory = folder.trajectory().unwrap();
    assert_eq!(trajectory.positions.dim(), (377, 920, 2));
    assert_eq!(trajectory.weights.unwrap().dim(), (1, 920));
    let dictionary = folder.dictionary(3).unwrap();
    assert_eq!((dictionary.lut.dim(), dictionary.d.dim(), dictionary.v.dim()), ((22160, 2), (22160, 5), (200, 5)));
    assert_eq!(dictionary.lut.row(1).to_vec(), [0.02, 0.012]);
    assert!((dictionary.norm_d[0] - 4.109_541_29).abs() < 1e-8);
}

#[test]
fn reference_outputs() {
    let Some(path) = shared("reference/mini") else { return };
    let results = SampleResults::read(path.join("mrfdiph_conditional_lambda0.0001_gamma0.01_xi1.npz")).unwrap();
    assert_eq!((results.x_t.dim(), results.qmaps.dim()), ((1, 10, 64, 64), (1, 4, 64, 64)));
    assert_eq!(TrajectoryFile::read(path.join("traj_dcf.mat")).unwrap().positions.dim(), (100, 256, 2));
    assert_eq!(DictionaryFile::read(path.join("SVD_dict_FISP_mini.mat")).unwrap().d.dim(), (1197, 10));
    let mut pair = NpzFile::open(path.join("nufft_pair.npz")).unwrap();
    let single = pair.array::<Complex32, Ix4>("forward", "(1, coil, frame, sample)").unwrap();
    let double = pair.array::<Complex32, Ix3>("forward_exact", "(coil, frame, sample)").unwrap();
    let difference = single.iter().zip(&double).map(|(a, b)| (a - b).norm()).fold(0.0, f32::max);
    assert!(difference < 1e-3, "{difference}");
    let mut sequence = NpzFile::open(path.join("sequence.npz")).unwrap();
    assert_eq!(sequence.array::<f64, Ix0>("te_s", "scalar").unwrap().into_scalar(), 0.0019);
    assert_eq!(sequence.array::<f32, Ix1>("tr_s", "(frame)").unwrap().len(), 100);
}
