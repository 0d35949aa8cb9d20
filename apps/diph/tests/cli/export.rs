//! Maps for other tools.

use diph_formats::{NiftiVolume, NpzFile};
use ndarray::Ix3;

use crate::bench::Bench;

#[test]
fn lengths_that_the_files_cannot_hold_are_refused() {
    let bench = Bench::new();
    for size in ["0x1x1", "1e39x1x1", "1x1e-60x1", "nanx1x1", "1x1", "1x1x-1"] {
        let error = bench.fail(2, &["export", "out", "--out", "bids", "--voxel-size", size]);
        assert!(error.contains("three lengths in mm"), "{error}");
    }
}

/// Two slices that are apart become a volume whose voxels are where they were.
#[test]
fn slices_become_a_bids_derivative() {
    let bench = Bench::with_data();
    bench.recon("svd-mrf", "out", &["--slices", "0,1"]);
    let export = ["export", "out", "--out", "study", "--voxel-size", "1.5x2x5", "--subject", "01", "--session", "a"];
    bench.succeed(&[&export[..], &["--axes", "LPS"]].concat());
    let folder = bench.path("study/derivatives/diph/sub-01/ses-a/anat");
    let slice = |number: usize| {
        let file = NpzFile::open(bench.path(&format!("out/vol0_slice{number}/maps.npz")));
        file.unwrap().array::<f32, Ix3>("qmaps", "").unwrap()
    };
    for (index, map) in ["T1map", "T2map"].into_iter().enumerate() {
        let volume = NiftiVolume::read(&folder.join(format!("sub-01_ses-a_{map}.nii.gz"))).unwrap();
        assert_eq!((volume.values.dim(), volume.voxel_mm), ((2, 40, 36), [1.5, 2.0, 5.0]));
        for number in 0..2 {
            let plane = volume.values.index_axis(ndarray::Axis(0), number);
            assert_eq!(plane, slice(number).index_axis(ndarray::Axis(0), index), "{map} of slice {number}");
        }
        let rows = volume.affine.unwrap();
        assert_eq!([rows[0][0], rows[1][1], rows[2][2]], [-1.5, -2.0, 5.0]);
    }
    let sidecar = bench.json("study/derivatives/diph/sub-01/ses-a/anat/sub-01_ses-a_T2map.json");
    assert_eq!(sidecar["Units"], "s");
    assert!(sidecar["EstimationAlgorithm"].as_str().unwrap().contains("svd-mrf"));
    assert!(!sidecar["Sources"].as_array().unwrap().is_empty());
    let description = bench.json("study/derivatives/diph/dataset_description.json");
    assert_eq!(
        (&description["DatasetType"], &description["GeneratedBy"][0]["Name"]),
        (&"derivative".into(), &"Diph".into())
    );

    bench.succeed(&[&export[..], &["--axes", "LPS"]].concat());
    let error = bench.fail(2, &export);
    assert!(error.contains("T1map.nii.gz") && error.contains("--force"), "{error}");
    bench.succeed(&[&export[..], &["--force"]].concat());
    assert_eq!(NiftiVolume::read(&folder.join("sub-01_ses-a_T1map.nii.gz")).unwrap().affine, None);
}

#[test]
fn what_is_no_volume_is_named() {
    let bench = Bench::with_data();
    bench.recon("svd-mrf", "out", &["--slices", "0"]);
    fn export<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["export", "out", "--out", "study"][..], more].concat()
    }
    for size in ["1x1", "0x1x1", "1x1x-2", "axbxc", "1x1x1x1"] {
        assert!(bench.fail(2, &export(&["--voxel-size", size])).contains("three lengths in mm"));
    }
    let size = ["--voxel-size", "1x1x5"];
    assert!(bench.fail(2, &export(&[&size[..], &["--axes", "LLS"]].concat())).contains("L/R"));
    assert!(bench.fail(2, &export(&[&size[..], &["--subject", "../a"]].concat())).contains("letters and digits"));
    for slice in ["vol0_slice1", "vol0_slice5"] {
        let copy = bench.path("out").join(slice);
        std::fs::create_dir(&copy).unwrap();
        for file in ["maps.npz", "method.json", "provenance.json", "metrics.json"] {
            std::fs::copy(bench.path("out/vol0_slice0").join(file), copy.join(file)).unwrap();
        }
    }
    assert!(bench.fail(3, &export(&size)).contains("not evenly spaced"));
    assert!(
        bench.fail(3, &["export", "data", "--out", "study", "--voxel-size", "1x1x5"]).contains("no finished slice")
    );
    assert!(!bench.path("study/derivatives/diph/dataset_description.json").exists());
}
